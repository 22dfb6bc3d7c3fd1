using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// The C interface of an MPI library. Handles are addresses of symbols in Open MPI and numbers in MPICH and its relatives; both fit an
/// <see cref="nint"/>.
/// </summary>
internal sealed unsafe class MpiLibrary
{
    private const int ThreadMultiple = 3;
    private const int MaxText = 8192;
    private const int Global = 0x100 | 0x2; // RTLD_GLOBAL | RTLD_NOW: its plugins use its symbols

    private static readonly string[] OpenMpiNames = ["libmpi.so.40", "libmpi.so.80"];
    private static readonly string[] MpichNames = ["libmpich.so.12", "libmpi.so.12"];

    private readonly nint library;
    private readonly bool isOpenMpi;
    private readonly delegate* unmanaged<nint, void*, int, nint, nint, nint, int> reduceScatter;
    private readonly delegate* unmanaged<void*, void*, int, nint, nint, nint, int> allReduce;
    private readonly delegate* unmanaged<void*, int, nint, int, nint, int> broadcast;
    private readonly delegate* unmanaged<void*, int, nint, void*, int, nint, nint, int> allGather;
    private readonly delegate* unmanaged<nint, int> barrier;
    private readonly delegate* unmanaged<nint, nint*, int> startBarrier;
    private readonly delegate* unmanaged<nint*, int*, nint, int> test;

    private MpiLibrary(nint library, bool isOpenMpi)
    {
        this.library = library;
        this.isOpenMpi = isOpenMpi;
        allReduce = (delegate* unmanaged<void*, void*, int, nint, nint, nint, int>)Symbol("MPI_Allreduce");
        reduceScatter = (delegate* unmanaged<nint, void*, int, nint, nint, nint, int>)Symbol("MPI_Reduce_scatter_block");
        broadcast = (delegate* unmanaged<void*, int, nint, int, nint, int>)Symbol("MPI_Bcast");
        allGather = (delegate* unmanaged<void*, int, nint, void*, int, nint, nint, int>)Symbol("MPI_Allgather");
        barrier = (delegate* unmanaged<nint, int>)Symbol("MPI_Barrier");
        startBarrier = (delegate* unmanaged<nint, nint*, int>)Symbol("MPI_Ibarrier");
        test = (delegate* unmanaged<nint*, int*, nint, int>)Symbol("MPI_Test");
        World = isOpenMpi ? Symbol("ompi_mpi_comm_world") : 0x44000000;
    }

    /// <summary>The communicator of all processes.</summary>
    public nint World { get; }

    /// <summary>Where an operation reads its own values from the place of its result.</summary>
    private void* InPlace => (void*)(isOpenMpi ? 1 : -1);

    private nint NoStatus => isOpenMpi ? 0 : 1;

    /// <summary>Loads and starts the library of the launcher that started this process.</summary>
    /// <exception cref="DistributedException">It is not installed, cannot start, or belongs to another launcher.</exception>
    public static MpiLibrary Start(ProcessPlace place)
    {
        // .NET handles these signals itself; and a process that waits leaves its core to one that computes. UCX, which MPICH may use,
        // reads its variable when it is loaded.
        NativeEnvironment.SetDefault("UCX_ERROR_SIGNALS", string.Empty);
        NativeEnvironment.SetDefault("OMPI_MCA_opal_signal", "6");
        NativeEnvironment.SetDefault("OMPI_MCA_mpi_yield_when_idle", "1");
        MpiLibrary mpi = Load(place.Launcher);
        mpi.Initialize();
        MpiPlaces.Check(mpi, place);
        return mpi;
    }

    private static MpiLibrary Load(string launcher)
    {
        bool wantsOpenMpi = launcher != LaunchVariables.Mpich;
        string[] names = wantsOpenMpi ? OpenMpiNames : MpichNames;
        foreach (string name in names)
        {
            nint loaded = NativeEnvironment.Load(name, Global);
            if (loaded != 0)
            {
                return new MpiLibrary(loaded, wantsOpenMpi);
            }
        }

        throw new DistributedException(
            $"The MPI library ({string.Join(" or ", names)}) is not installed. Install it: "
                + (wantsOpenMpi ? ProcessGroups.InstallOpenMpi : "apt-get install mpich libmpich12") + ".");
    }

    // Once in the life of a process.
    private void Initialize()
    {
        int initialized = 0;
        Check(((delegate* unmanaged<int*, int>)Symbol("MPI_Initialized"))(&initialized), "MPI_Initialized");
        if (initialized != 0)
        {
            throw new DistributedException("MPI was started in this process before, and can be started only once. Keep the process group.");
        }

        int provided = 0;
        var start = (delegate* unmanaged<int*, byte***, int, int*, int>)Symbol("MPI_Init_thread");
        Check(start(null, null, ThreadMultiple, &provided), "MPI_Init_thread");
        if (provided < ThreadMultiple)
        {
            throw new DistributedException(
                $"This MPI library allows thread level {provided}, but {ThreadMultiple} (MPI_THREAD_MULTIPLE) is needed. Use a build that "
                    + "allows it.");
        }

        nint returnErrors = isOpenMpi ? Symbol("ompi_mpi_errors_return") : 0x54000001;
        Check(((delegate* unmanaged<nint, nint, int>)Symbol("MPI_Comm_set_errhandler"))(World, returnErrors), "MPI_Comm_set_errhandler");
    }

    /// <summary>The library's name and version, such as <c>Open MPI 4.1.4</c>.</summary>
    public string Version()
    {
        byte* text = stackalloc byte[MaxText];
        int length = 0;
        Check(((delegate* unmanaged<byte*, int*, int>)Symbol("MPI_Get_library_version"))(text, &length), "MPI_Get_library_version");
        string[] words = Marshal.PtrToStringUTF8((nint)text)!.Split([',', '\n', ' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
        return isOpenMpi
            ? $"Open MPI {words.FirstOrDefault(word => word.StartsWith('v'))?[1..]}"
            : $"MPICH {words.FirstOrDefault(word => char.IsAsciiDigit(word[0]))}";
    }

    public (int Rank, int WorldSize) Place()
    {
        int rank = 0;
        int size = 0;
        Check(((delegate* unmanaged<nint, int*, int>)Symbol("MPI_Comm_rank"))(World, &rank), "MPI_Comm_rank");
        Check(((delegate* unmanaged<nint, int*, int>)Symbol("MPI_Comm_size"))(World, &size), "MPI_Comm_size");
        return (rank, size);
    }

    public void AllReduce(nint values, int count, ScalarType type, ReduceOperation operation) =>
        Check(allReduce(InPlace, (void*)values, count, Handle(type), Handle(operation), World), "MPI_Allreduce");

    public void Broadcast(nint values, int count, ScalarType type, int root) =>
        Check(broadcast((void*)values, count, Handle(type), root, World), "MPI_Bcast");

    public void AllGather(nint own, nint result, int count, ScalarType type) =>
        Check(allGather((void*)own, count, Handle(type), (void*)result, count, Handle(type), World), "MPI_Allgather");

    public void ReduceScatter(nint values, nint result, int count, ScalarType type, ReduceOperation operation) =>
        Check(
            reduceScatter(values, (void*)result, count, Handle(type), Handle(operation), World), "MPI_Reduce_scatter_block");

    public void Barrier() => Check(barrier(World), "MPI_Barrier");

    /// <summary>
    /// Waits until every process calls it, and leaves the core to the thread that computes: a blocking call would keep it busy meanwhile.
    /// </summary>
    public void Meet()
    {
        nint request = 0;
        int areHere = 0;
        SpinWait spin = default;
        Check(startBarrier(World, &request), "MPI_Ibarrier");
        Check(test(&request, &areHere, NoStatus), "MPI_Test");
        while (areHere == 0)
        {
            spin.SpinOnce();
            Check(test(&request, &areHere, NoStatus), "MPI_Test");
        }
    }

    /// <summary>Ends MPI in good order.</summary>
    public void Complete() => Check(((delegate* unmanaged<int>)Symbol("MPI_Finalize"))(), "MPI_Finalize");

    private nint Handle(ScalarType type) => (type, isOpenMpi) switch
    {
        (ScalarType.Float32, true) => Symbol("ompi_mpi_float"),
        (ScalarType.Float32, false) => 0x4c00040a,
        (ScalarType.Int64, true) => Symbol("ompi_mpi_int64_t"),
        (ScalarType.Int64, false) => 0x4c00083a,
        (_, true) => Symbol("ompi_mpi_byte"),
        (_, false) => 0x4c00010d,
    };

    private nint Handle(ReduceOperation operation) => (operation, isOpenMpi) switch
    {
        (ReduceOperation.Sum, true) => Symbol("ompi_mpi_op_sum"),
        (ReduceOperation.Max, true) => Symbol("ompi_mpi_op_max"),
        (_, true) => Symbol("ompi_mpi_op_min"),
        (ReduceOperation.Sum, false) => 0x58000003,
        (ReduceOperation.Max, false) => 0x58000001,
        (_, false) => 0x58000002,
    };

    private nint Symbol(string name) => NativeLibrary.TryGetExport(library, name, out nint address)
        ? address
        : throw new DistributedException($"The MPI library has no {name}. Use Open MPI 4 or MPICH 4.");

    private void Check(int code, string function)
    {
        if (code != 0)
        {
            byte* text = stackalloc byte[MaxText];
            int length = 0;
            _ = ((delegate* unmanaged<int, byte*, int*, int>)Symbol("MPI_Error_string"))(code, text, &length);
            throw new DistributedException($"{function} failed: {Marshal.PtrToStringUTF8((nint)text)}.");
        }
    }
}
