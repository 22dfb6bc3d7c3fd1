using System.Globalization;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>The C interface of NCCL, from version 2.17. Communicators and streams are addresses.</summary>
internal sealed unsafe class NcclLibrary
{
    private const int Success = 0;
    private const int InProgress = 7;
    private const int FirstWithConfig = 21700;
    private const int Byte = 1;

    private readonly Func<string, nint> symbol;
    private readonly delegate* unmanaged<nint, int*, int> asyncError;
    private readonly delegate* unmanaged<void*, void*, nuint, int, int, nint, nint, int> allReduce;
    private readonly delegate* unmanaged<void*, void*, nuint, int, int, nint, nint, int> broadcast;
    private readonly delegate* unmanaged<void*, void*, nuint, int, nint, nint, int> allGather;
    private readonly delegate* unmanaged<void*, void*, nuint, int, int, nint, nint, int> reduceScatter;

    /// <param name="symbol">The address of a function; 0 if there is none of that name.</param>
    /// <exception cref="DistributedException">A function is missing, or the version is too old.</exception>
    public NcclLibrary(Func<string, nint> symbol)
    {
        this.symbol = symbol;
        int version = 0;
        Check(((delegate* unmanaged<int*, int>)Symbol("ncclGetVersion"))(&version), "ncclGetVersion", communicator: 0);
        Version = string.Create(
            CultureInfo.InvariantCulture, $"NCCL {version / 10000}.{version / 100 % 100}.{version % 100}");
        if (version < FirstWithConfig)
        {
            throw new DistributedException(
                $"The version number of the NCCL library is {version}, but must be at least {FirstWithConfig} (2.17). "
                    + $"Install a newer one: {NcclSearch.Install}.");
        }

        asyncError = (delegate* unmanaged<nint, int*, int>)Symbol("ncclCommGetAsyncError");
        allReduce = (delegate* unmanaged<void*, void*, nuint, int, int, nint, nint, int>)Symbol("ncclAllReduce");
        broadcast = (delegate* unmanaged<void*, void*, nuint, int, int, nint, nint, int>)Symbol("ncclBroadcast");
        allGather = (delegate* unmanaged<void*, void*, nuint, int, nint, nint, int>)Symbol("ncclAllGather");
        reduceScatter = (delegate* unmanaged<void*, void*, nuint, int, int, nint, nint, int>)Symbol("ncclReduceScatter");
    }

    /// <summary>Such as <c>NCCL 2.27.5</c>.</summary>
    public string Version { get; }

    /// <summary>Makes the id by which the processes of a group find each other, and listens for them.</summary>
    public NcclUniqueId CreateId()
    {
        NcclUniqueId id = default;
        Check(((delegate* unmanaged<NcclUniqueId*, int>)Symbol("ncclGetUniqueId"))(&id), "ncclGetUniqueId", communicator: 0);
        return id;
    }

    /// <summary>Starts to connect this process with the others. <see cref="IsReady"/> tells when that is done.</summary>
    /// <returns>The communicator.</returns>
    public nint Connect(NcclUniqueId id, int rank, int worldSize)
    {
        nint communicator = 0;
        NcclConfig config = NcclConfig.NonBlocking;
        var connect = (delegate* unmanaged<nint*, int, NcclUniqueId, int, NcclConfig*, int>)Symbol("ncclCommInitRankConfig");
        Check(connect(&communicator, worldSize, id, rank, &config), "ncclCommInitRankConfig", communicator: 0);
        return communicator;
    }

    /// <summary>Whether the last call on a communicator is done; never waits.</summary>
    /// <exception cref="DistributedException">The communicator has failed.</exception>
    public bool IsReady(nint communicator)
    {
        int state = Success;
        Check(asyncError(communicator, &state), "ncclCommGetAsyncError", communicator);
        Check(state, "The communicator of NCCL", communicator);
        return state != InProgress;
    }

    public void AllReduce(nint values, long count, ScalarType type, ReduceOperation operation, nint communicator, nint stream) => Check(
        allReduce((void*)values, (void*)values, (nuint)count, Code(type), Code(operation), communicator, stream), "ncclAllReduce",
        communicator);

    public void Broadcast(nint values, long count, ScalarType type, int root, nint communicator, nint stream) => Check(
        broadcast((void*)values, (void*)values, (nuint)count, Code(type), root, communicator, stream), "ncclBroadcast", communicator);

    public void AllGather(nint own, nint result, long count, ScalarType type, nint communicator, nint stream) => Check(
        allGather((void*)own, (void*)result, (nuint)count, Code(type), communicator, stream), "ncclAllGather", communicator);

    public void ReduceScatter(
        nint values, nint result, long count, ScalarType type, ReduceOperation operation, nint communicator, nint stream) => Check(
        reduceScatter((void*)values, (void*)result, (nuint)count, Code(type), Code(operation), communicator, stream),
        "ncclReduceScatter", communicator);

    /// <summary>An operation that completes when every process has started it.</summary>
    /// <param name="scratch">One byte of the device, whose value does not matter.</param>
    /// <param name="communicator">The communicator.</param>
    /// <param name="stream">The stream.</param>
    public void Barrier(nint scratch, nint communicator, nint stream) => Check(
        allReduce((void*)scratch, (void*)scratch, 1, Byte, Code(ReduceOperation.Max), communicator, stream), "ncclAllReduce", communicator);

    /// <summary>Starts to end a communicator in good order. <see cref="IsReady"/> tells when that is done; then <see cref="Free"/> it.
    /// </summary>
    public void Complete(nint communicator) =>
        Check(((delegate* unmanaged<nint, int>)Symbol("ncclCommFinalize"))(communicator), "ncclCommFinalize", communicator);

    /// <summary>Frees a communicator that is complete.</summary>
    public void Free(nint communicator) =>
        Check(((delegate* unmanaged<nint, int>)Symbol("ncclCommDestroy"))(communicator), "ncclCommDestroy", communicator: 0);

    /// <summary>Ends a communicator and what runs on it, and frees it.</summary>
    public void Abort(nint communicator) => _ = ((delegate* unmanaged<nint, int>)Symbol("ncclCommAbort"))(communicator);

    private static int Code(ScalarType type) => type switch
    {
        ScalarType.Int64 => 4,
        ScalarType.Float16 => 6,
        ScalarType.Float32 => 7,
        _ => 9,
    };

    private static int Code(ReduceOperation operation) => operation switch
    {
        ReduceOperation.Sum => 0,
        ReduceOperation.Max => 2,
        _ => 3,
    };

    private nint Symbol(string name) => symbol(name) is not 0 and var address
        ? address
        : throw new DistributedException($"The NCCL library has no {name}. Install NCCL 2.17 or newer: {NcclSearch.Install}.");

    private void Check(int code, string what, nint communicator)
    {
        if (code is Success or InProgress)
        {
            return;
        }

        string text = Marshal.PtrToStringUTF8(((delegate* unmanaged<int, nint>)Symbol("ncclGetErrorString"))(code)) ?? $"error {code}";
        string? cause = Marshal.PtrToStringUTF8(((delegate* unmanaged<nint, nint>)Symbol("ncclGetLastError"))(communicator))?.Trim();
        string remedy = cause?.Contains("Duplicate GPU", StringComparison.Ordinal) == true
            ? " Give every process a GPU of its own: leave UseDevice out, or use ComputeDevice.Cuda(ProcessPlace.Read().LocalRank). If "
                + "CUDA_VISIBLE_DEVICES shows all of them the same GPU, unset it, or ask for one per process (SLURM: --gpus-per-task=1)."
            : " Set NCCL_DEBUG=INFO to see more.";
        throw new DistributedException($"{what} failed: {text}{(string.IsNullOrEmpty(cause) ? string.Empty : $" ({cause})")}.{remedy}");
    }
}
