using System.Globalization;

namespace Diffusion.EndToEnd.Tests.Distributed;

/// <summary>Runs ranks of the probe program under the <c>mpirun</c> of an MPI, each with one thread of libtorch.</summary>
internal static class MpiRun
{
    /// <summary>The names of the MPIs, as the engine calls them.</summary>
    public const string OpenMpi = "Open MPI";

    /// <inheritdoc cref="OpenMpi"/>
    public const string Mpich = "MPICH";

    private static readonly string Probe = Path.Combine(
        BuildFacts.Repository, "tests", "Diffusion.Probe", "bin", BuildFacts.Configuration, "net10.0", "Diffusion.Probe.dll");

    /// <summary>Runs a case of the probe, in which one rank may fail.</summary>
    public static Task<ChildProcess.Result> Ranks(string mpi, int count, string rankCase, int failing = -1) =>
        Start(mpi, count, "rank", rankCase, Text(failing));

    /// <summary>Runs a short training of the probe, which saves in a folder.</summary>
    public static Task<ChildProcess.Result> Train(string mpi, int count, string folder, int steps) =>
        Start(mpi, count, "train", folder, Text(steps));

    /// <summary>The same, with a part of the optimizer's state in each process.</summary>
    public static Task<ChildProcess.Result> TrainParts(string mpi, int count, string folder, int steps) =>
        Start(mpi, count, "train-parts", folder, Text(steps));

    /// <summary>Finds the learning rate of a short training of the probe, and plans it.</summary>
    public static Task<ChildProcess.Result> Tune(string mpi, int count) => Start(mpi, count, "tune");

    /// <summary>Runs one rank of the probe without <c>mpirun</c>.</summary>
    public static Task<ChildProcess.Result> Alone(Dictionary<string, string?> variables) =>
        ChildProcess.Dotnet(["exec", Probe, "rank", "operations", "-1"], environment: Variables(variables));

    /// <summary>The command of a rank in a case of the probe.</summary>
    public static string[] Rank(string rankCase) => ["dotnet", "exec", Probe, "rank", rankCase, "-1"];

    /// <summary>The command of a rank in a short training of the probe.</summary>
    public static string[] Trainer(string folder, int steps) => ["dotnet", "exec", Probe, "train", folder, Text(steps)];

    /// <summary>Runs ranks, each with its own command.</summary>
    public static Task<ChildProcess.Result> Contexts(string mpi, params string[][] commands) =>
        Mpi(mpi, [.. commands.SelectMany((command, i) => (string[])[.. i == 0 ? Array.Empty<string>() : [":"], "-np", "1", .. command])]);

    /// <summary>Whether <c>mpirun</c> is installed, of any MPI.</summary>
    public static bool IsInstalled => Find("mpirun") is not null;

    private static Task<ChildProcess.Result> Start(string mpi, int count, params string[] arguments) =>
        Mpi(mpi, ["-np", Text(count), "dotnet", "exec", Probe, .. arguments]);

    private static Task<ChildProcess.Result> Mpi(string mpi, params string[] arguments)
    {
        (string? command, string[] first, string packages) = mpi == OpenMpi
            ? (Find("mpirun.openmpi") ?? Find("mpirun"), (string[])["--oversubscribe"], "openmpi-bin libopenmpi3")
            : (Find("mpirun.mpich"), [], "mpich");
        Assert.SkipUnless(command is not null, $"{mpi} is not installed: apt-get install {packages}.");
        return ChildProcess.Run(command!, [.. first, .. arguments],
            environment: Variables(new Dictionary<string, string?>(StringComparer.Ordinal)));
    }

    private static string? Find(string program) => (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(':')
        .Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);

    private static Dictionary<string, string?> Variables(Dictionary<string, string?> variables)
    {
        variables[TorchBackend.FolderVariable] = TorchBackend.Folder;
        if (Environment.IsPrivilegedProcess)
        {
            variables["OMPI_ALLOW_RUN_AS_ROOT"] = "1";
            variables["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1";
        }

        return variables;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
