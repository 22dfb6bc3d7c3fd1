using System.Globalization;

namespace Diffusion.EndToEnd.Tests.Distributed;

/// <summary>Runs ranks of the probe program under <c>mpirun</c>, each with one thread of libtorch.</summary>
internal static class MpiRun
{
    private static readonly string Probe = Path.Combine(
        BuildFacts.Repository, "tests", "Diffusion.Probe", "bin", BuildFacts.Configuration, "net10.0", "Diffusion.Probe.dll");

    /// <summary>Runs a case of the probe, in which one rank may fail.</summary>
    public static Task<ChildProcess.Result> Ranks(int count, string rankCase, int failing = -1) =>
        Start(count, "rank", rankCase, Text(failing));

    /// <summary>Runs a short training of the probe, which saves in a folder.</summary>
    public static Task<ChildProcess.Result> Train(int count, string folder, int steps) => Start(count, "train", folder, Text(steps));

    /// <summary>The same, with a part of the optimizer's state in each process.</summary>
    public static Task<ChildProcess.Result> TrainParts(int count, string folder, int steps) =>
        Start(count, "train-parts", folder, Text(steps));

    /// <summary>Finds the learning rate of a short training of the probe, and plans it.</summary>
    public static Task<ChildProcess.Result> Tune(int count) => Start(count, "tune");

    /// <summary>Runs one rank of the probe without <c>mpirun</c>.</summary>
    public static Task<ChildProcess.Result> Alone(Dictionary<string, string?> variables) =>
        ChildProcess.Dotnet(["exec", Probe, "rank", "operations", "-1"], environment: Variables(variables));

    /// <summary>The command of a rank in a case of the probe.</summary>
    public static string[] Rank(string rankCase) => ["dotnet", "exec", Probe, "rank", rankCase, "-1"];

    /// <summary>The command of a rank in a short training of the probe.</summary>
    public static string[] Trainer(string folder, int steps) => ["dotnet", "exec", Probe, "train", folder, Text(steps)];

    /// <summary>Runs ranks, each with its own command.</summary>
    public static Task<ChildProcess.Result> Contexts(params string[][] commands) =>
        Mpi([.. commands.SelectMany((command, i) => (string[])[.. i == 0 ? Array.Empty<string>() : [":"], "-np", "1", .. command])]);

    private static Task<ChildProcess.Result> Start(int count, params string[] arguments) =>
        Mpi(["-np", Text(count), "dotnet", "exec", Probe, .. arguments]);

    private static Task<ChildProcess.Result> Mpi(params string[] arguments)
    {
        Assert.SkipUnless(IsInstalled, "mpirun is not installed: apt-get install openmpi-bin libopenmpi3.");
        return ChildProcess.Run("mpirun", ["--oversubscribe", .. arguments],
            environment: Variables(new Dictionary<string, string?>(StringComparer.Ordinal)));
    }

    public static bool IsInstalled => (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(':')
        .Any(folder => File.Exists(Path.Combine(folder, "mpirun")));

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
