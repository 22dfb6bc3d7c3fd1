using System.Globalization;

namespace Diffusion.Training;

/// <summary>The environment variables by which a launcher tells a process its place.</summary>
internal sealed record LaunchVariables(string Launcher, string Rank, string WorldSize, string LocalRank, string LocalWorldSize)
{
    public const string OpenMpi = "Open MPI";
    public const string Mpich = "MPICH";
    private const string Slurm = "SLURM";
    private const string MasterAddress = "MASTER_ADDR";
    private const string MasterPort = "MASTER_PORT";
    private const int FirstSlurmPort = 20000;
    private const int SlurmPorts = 12000;
    private const int PortsBetweenSteps = 4001;

    /// <summary>The launchers, in the order in which they are believed: SLURM's variables are also set inside its mpirun and torchrun.
    /// </summary>
    public static IReadOnlyList<LaunchVariables> All { get; } =
    [
        new("torchrun", "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"),
        new(OpenMpi, "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE"),
        new(Mpich, "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS"),
        new(Slurm, "SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID", "SLURM_STEP_TASKS_PER_NODE"),
    ];

    private bool IsOfMpi => Launcher is OpenMpi or Mpich;

    /// <summary>Reads the place that this launcher gives; null if it set neither rank nor size.</summary>
    public ProcessPlace? Read(Func<string, string?> variable)
    {
        if ((string.IsNullOrEmpty(variable(Rank)) && string.IsNullOrEmpty(variable(WorldSize))) || IsOfAnother(variable))
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
        string? address = variable(MasterAddress) is { Length: > 0 } given ? given : null;
        int? port = IsOfMpi ? PortOrNull(variable(MasterPort)) : Number(variable, MasterPort, Rank);
        if (variable("TORCHELASTIC_USE_AGENT_STORE") == "True" && port is { } taken)
        {
            port = taken < ushort.MaxValue ? taken + 1 : taken - 1; // torchrun itself listens on MASTER_PORT
        }

        if (Launcher == Slurm)
        {
            address ??= SlurmNodeList.First(variable);
            port ??= SlurmPort(variable);
        }

        return port is < 1 or > ushort.MaxValue
            ? throw new DistributedException($"{MasterPort} is {port}, but must be a port: 1 to {ushort.MaxValue}.")
            : new ProcessPlace(Launcher, rank, size, localRank, address, port)
            {
                LocalWorldSize = LocalSize(variable, localRank),
            };
    }

    private int? LocalSize(Func<string, string?> variable, int localRank)
    {
        if (Launcher == Slurm)
        {
            return SlurmTaskCounts.Here(variable) is { } tasks && tasks > localRank ? tasks : null;
        }

        int? size = Number(variable, LocalWorldSize, Rank);
        return size is null || size > localRank
            ? size
            : throw new DistributedException($"{LocalWorldSize} is {size}, but must be above {LocalRank}, which is {localRank}.");
    }

    // Inside mpirun and torchrun under SLURM, its own numbers are those of the batch script. But srun sets the variables of PMI, too.
    private bool IsOfAnother(Func<string, string?> variable) => Launcher switch
    {
        Mpich => ArePmiOfSrun(variable),
        Slurm => All.Any(other => other.Launcher != Slurm && !string.IsNullOrEmpty(variable(other.Rank))
            && !(other.Launcher == Mpich && ArePmiOfSrun(variable))),
        _ => false,
    };

    // With --mpi=pmi2, srun sets rank and size for PMI, but not the rank on the machine, as Hydra does.
    private static bool ArePmiOfSrun(Func<string, string?> variable)
    {
        (LaunchVariables pmi, LaunchVariables slurm) = (All.Single(one => one.Launcher == Mpich), All.Single(one => one.Launcher == Slurm));
        return string.IsNullOrEmpty(variable(pmi.LocalRank))
            && AreSame(variable(pmi.Rank), variable(slurm.Rank)) && AreSame(variable(pmi.WorldSize), variable(slurm.WorldSize));

        static bool AreSame(string? one, string? other) => !string.IsNullOrEmpty(one) && one == other;
    }

    // Processes of MPI need no port. Kubernetes sets this variable too, to an address, where a service is named master.
    private static int? PortOrNull(string? text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int port) && port is >= 1 and <= ushort.MaxValue
            ? port
            : null;

    // The same on every process of a step, and different between steps and jobs that share a machine.
    private static int? SlurmPort(Func<string, string?> variable)
    {
        if (!long.TryParse(variable("SLURM_JOB_ID"), NumberStyles.None, CultureInfo.InvariantCulture, out long job))
        {
            return null;
        }

        // Outside of a step there is none: 0.
        _ = long.TryParse(variable("SLURM_STEP_ID"), NumberStyles.None, CultureInfo.InvariantCulture, out long step);
        return FirstSlurmPort + (int)((job + (step * PortsBetweenSteps)) % SlurmPorts);
    }

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
