using TorchSharp;

namespace Diffusion.Training;

/// <summary>Makes process groups.</summary>
public static class ProcessGroups
{
    /// <summary>
    /// The exit code of a process whose group has failed: another process was lost, froze, aborted or called another operation.
    /// </summary>
    public const int FailureExitCode = 75;

    internal const string InstallOpenMpi = "apt-get install openmpi-bin libopenmpi3";
    private static readonly TimeSpan FirstBarrier = TimeSpan.FromSeconds(10);

    /// <summary>The group of a process that trains alone. Its operations finish at once.</summary>
    public static IProcessGroup OneProcess() => new SingleProcessGroup();

    /// <summary>
    /// The group of the processes that <c>mpirun</c>, <c>torchrun</c>, SLURM or Kubernetes started; of this process alone if none did.
    /// Waits until all have come, and makes sure that they run the same build.
    /// </summary>
    /// <param name="device">Where the tensors of this process live: NCCL carries those of GPUs, MPI those of the CPU.</param>
    /// <param name="options">Engine and deadlines. Null for the defaults.</param>
    /// <returns>The group, which the caller disposes when all operations have finished.</returns>
    /// <exception cref="DistributedException">The launch is wrong, a library is missing, or a process is missing or differs.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    public static IProcessGroup Create(ComputeDevice device, ProcessGroupOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(device);
        return Create(() => device, options ?? new ProcessGroupOptions(), ProcessPlace.Read());
    }

    /// <summary>The group of the processes. If this one cannot join, all of them end with the cause.</summary>
    /// <param name="device">Chooses where the tensors of this process live, or throws.</param>
    /// <param name="options">Engine and deadlines.</param>
    /// <param name="place">The place of this process.</param>
    internal static IProcessGroup Create(Func<ComputeDevice> device, ProcessGroupOptions options, ProcessPlace place)
    {
        options.Check();
        if (place.WorldSize == 1 && options.Engine != ProcessGroupEngine.Nccl)
        {
            return OneProcess();
        }

        if (!OperatingSystem.IsLinux())
        {
            throw new DistributedException("Several processes train together on Linux only. Start one process.");
        }

        ComputeDevice chosen;
        NcclLibrary? nccl = null;
        CudaDriver? cuda = null;
        try
        {
            chosen = device();
            if (UsesNccl(chosen, options.Engine, place))
            {
                nccl = NcclSearch.Load();
                cuda = CudaDriver.Load();
            }
        }
        catch (Exception problem) when (place.WorldSize > 1)
        {
            Meeting.Refuse(place, problem.Message, options); // otherwise the others would wait for this process
            throw;
        }

        return nccl is null || cuda is null ? ByMpi(options, place) : ByNccl(nccl, cuda, chosen, options, place);
    }

    private static LaunchedProcessGroup ByMpi(ProcessGroupOptions options, ProcessPlace place)
    {
        MpiLibrary mpi = MpiLibrary.Start(place);
        MpiEngine engine = new(mpi, place.WorldSize);
        Meeting meeting = Meeting.ByMpi(mpi, place, engine.Name, () => default, options);
        LaunchedProcessGroup group = new(engine, place, meeting.Connections, options, GroupFailure.End);
        group.Barrier(FirstBarrier);
        return group;
    }

    private static LaunchedProcessGroup ByNccl(
        NcclLibrary nccl, CudaDriver cuda, ComputeDevice device, ProcessGroupOptions options, ProcessPlace place)
    {
        MpiLibrary? mpi = place.WorldSize > 1 && Meeting.IsByMpi(place, options.Engine) ? MpiLibrary.Start(place) : null;
        Meeting meeting = mpi is not null
            ? Meeting.ByMpi(mpi, place, nccl.Version, () => nccl.CreateId().ToArray(), options)
            : Meeting.ByAddress(place, nccl.Version, () => nccl.CreateId().ToArray(), options);
        NcclEngine engine = new(
            nccl, cuda, new torch.Device(device.Type, device.Index), place, NcclUniqueId.Read(meeting.Shared.Span), options, mpi);
        LaunchedProcessGroup group = new(engine, place, meeting.Connections, options, GroupFailure.End);
        group.Barrier(options.StartDeadline); // the first operation also connects the GPUs
        return group;
    }

    // Whether NCCL carries the tensors, not MPI. Throws where the launch does not fit.
    private static bool UsesNccl(ComputeDevice device, ProcessGroupEngine engine, ProcessPlace place)
    {
        bool isGpu = device.Type == DeviceType.CUDA;
        if (engine == ProcessGroupEngine.Nccl && !isGpu)
        {
            throw new DistributedException(
                $"NCCL carries tensors of NVIDIA GPUs, but the device is {device}. Use a GPU, or MPI for tensors of the CPU.");
        }

        if (isGpu && engine != ProcessGroupEngine.Mpi)
        {
            return true;
        }

        if (device.Type != DeviceType.CPU)
        {
            throw new DistributedException($"MPI carries tensors of the CPU, but the device is {device}. Use the CPU, or NCCL.");
        }

        if (!place.IsOfMpi)
        {
            throw new DistributedException(
                $"{place.Launcher} started this process, but on the CPU processes exchange tensors by MPI, which mpirun must start: "
                    + $"mpirun -np {place.WorldSize} <program>. To install it: {InstallOpenMpi}.");
        }

        return false;
    }
}
