using System.Globalization;

namespace Diffusion.Training;

/// <summary>The environment variables by which a launcher tells a process its place.</summary>
internal sealed record LaunchVariables(string Launcher, string Rank, string WorldSize, string LocalRank)
{
    public const string OpenMpi = "Open MPI";
    public const string Mpich = "MPICH";
    private const string Slurm = "SLURM";
    private const string MasterAddress = "MASTER_ADDR";
    private const string MasterPort = "MASTER_PORT";
    private const string SlurmNodes = "SLURM_JOB_NODELIST";

    /// <summary>The launchers, in the order in which they are believed: SLURM's variables are also set inside its mpirun and torchrun.
    /// </summary>
    public static IReadOnlyList<LaunchVariables> All { get; } =
    [
        new("torchrun", "RANK", "WORLD_SIZE", "LOCAL_RANK"),
        new(OpenMpi, "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"),
        new(Mpich, "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID"),
        new(Slurm, "SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID"),
    ];

    /// <summary>Reads the place that this launcher gives; null if it set neither rank nor size.</summary>
    public ProcessPlace? Read(Func<string, string?> variable)
    {
        if (string.IsNullOrEmpty(variable(Rank)) && string.IsNullOrEmpty(variable(WorldSize)))
        {
            return null;
        }

        // Inside mpirun and torchrun under SLURM, its own numbers are those of the batch script.
        if (Launcher == Slurm && All.Any(other => other != this && !string.IsNullOrEmpty(variable(other.Rank))))
        {
            return null;
        }

        int size = Number(variable, WorldSize, Rank) ?? throw Missing(WorldSize, Rank);
        int rank = Number(variable, Rank, WorldSize) ?? throw Missing(Rank, WorldSize);
        if (size < 1)
        {
            throw new DistributedException($"{WorldSize} is {size}, but must be at least 1.");
        }

        if (rank >= size)
        {
            throw new DistributedException($"{Rank} is {rank}, but must be below {WorldSize}, which is {size}: ranks count from 0.");
        }

        int localRank = Number(variable, LocalRank, Rank) ?? (size == 1 ? 0 : throw Missing(LocalRank, Rank));
        string? address = variable(MasterAddress);
        int? port = Number(variable, MasterPort, Rank);
        if (variable("TORCHELASTIC_USE_AGENT_STORE") == "True" && port is { } taken)
        {
            port = taken < ushort.MaxValue ? taken + 1 : taken - 1; // torchrun itself listens on MASTER_PORT
        }

        if (Launcher == Slurm)
        {
            address ??= variable(SlurmNodes) is { Length: > 0 } nodes ? SlurmNodeList.First(nodes) : null;
            port ??= SlurmPort(variable);
        }

        return port is < 1 or > ushort.MaxValue
            ? throw new DistributedException($"{MasterPort} is {port}, but must be a port: 1 to {ushort.MaxValue}.")
            : new ProcessPlace(Launcher, rank, size, localRank, string.IsNullOrEmpty(address) ? null : address, port);
    }

    // The same on every process of a job, and different between jobs that share a machine.
    private static int? SlurmPort(Func<string, string?> variable) =>
        long.TryParse(variable("SLURM_JOB_ID"), NumberStyles.None, CultureInfo.InvariantCulture, out long job)
            ? 20000 + (int)(job % 12000)
            : null;

    private int? Number(Func<string, string?> variable, string name, string beside)
    {
        string? text = variable(name);
        if (string.IsNullOrEmpty(text))
        {
            return null;
        }

        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            ? number
            : throw new DistributedException(
                $"{name} is '{text}', but must be a whole number from 0. {Launcher} sets it, beside {beside}.");
    }

    private DistributedException Missing(string name, string beside) => new(
        $"{beside} is set, but {name} is not. Start the program with {Launcher}, which sets {Rank}, {WorldSize} and {LocalRank}, or unset "
            + $"{beside} to train with one process.");
}
