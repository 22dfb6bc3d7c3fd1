using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// The operations on tensors by MPI, one after another on one thread, in pieces of 25 MiB: counts are 32-bit in MPI, and blocking pieces
/// of that size are fastest. MPI knows no 16-bit floating-point numbers: they are reduced in float32.
/// </summary>
internal sealed unsafe class MpiOperations(MpiLibrary mpi, int worldSize) : IDisposable
{
    private const long PieceBytes = 25 << 20;
    private const long LongBytes = 1 << 20; // shorter operations are over soon and need no Meet
    private Tensor? send;
    private Tensor? receive;

    /// <summary>Runs an operation and returns when it has finished.</summary>
    public void Run(CollectiveCall call, Tensor? input, Tensor? output)
    {
        using IDisposable noGradients = no_grad();
        using DisposeScope scope = NewDisposeScope();
        if (input?.numel() * input?.ElementSize >= LongBytes)
        {
            mpi.Meet();
        }

        switch (call.Kind)
        {
            case CollectiveKind.Barrier:
                mpi.Barrier();
                break;
            case CollectiveKind.AllReduce:
                AllReduce(call, input!.view(-1));
                break;
            case CollectiveKind.Broadcast:
                Broadcast(call, input!);
                break;
            case CollectiveKind.AllGather:
                AllGather(call, input!, output!);
                break;
            default:
                ReduceScatter(call, input!.view(-1), output!.view(-1));
                break;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        send?.Dispose();
        receive?.Dispose();
    }

    private static IEnumerable<(long Start, int Count)> Pieces(long count, long elementBytes)
    {
        long step = Math.Max(1, PieceBytes / elementBytes);
        for (long at = 0; at < count; at += step)
        {
            yield return (at, (int)Math.Min(step, count - at));
        }
    }

    private static bool IsNative(CollectiveCall call) => call.Type is ScalarType.Float32 or ScalarType.Int64;

    private static ScalarType Arithmetic(CollectiveCall call) => IsNative(call) ? call.Type!.Value : ScalarType.Float32;

    private void AllReduce(CollectiveCall call, Tensor values)
    {
        foreach ((long start, int count) in Pieces(call.Count, call.Type!.Value.ElementSize()))
        {
            Tensor piece = values.narrow(0, start, count);
            if (IsNative(call))
            {
                mpi.AllReduce(TensorAddress.Of(piece), count, call.Type.Value, call.Reduction);
                continue;
            }

            Tensor wide = Scratch(ref send, count, ScalarType.Float32).copy_(piece);
            mpi.AllReduce(TensorAddress.Of(wide), count, ScalarType.Float32, call.Reduction);
            piece.copy_(wide);
        }
    }

    private void Broadcast(CollectiveCall call, Tensor values)
    {
        nint address = TensorAddress.Of(values);
        foreach ((long start, int count) in Pieces(call.Count * values.ElementSize, 1))
        {
            mpi.Broadcast(address + (nint)start, count, ScalarType.Byte, call.Root);
        }
    }

    private void AllGather(CollectiveCall call, Tensor own, Tensor result)
    {
        long size = own.ElementSize;
        nint from = TensorAddress.Of(own);
        nint to = TensorAddress.Of(result);
        foreach ((long start, int count) in Pieces(call.Count * size, worldSize))
        {
            nint all = TensorAddress.Of(Scratch(ref receive, (long)count * worldSize, ScalarType.Byte));
            mpi.AllGather(from + (nint)start, all, count, ScalarType.Byte);
            for (int rank = 0; rank < worldSize; rank++)
            {
                nint part = to + (nint)((rank * call.Count * size) + start);
                NativeMemory.Copy((void*)(all + ((nint)rank * count)), (void*)part, (nuint)count);
            }
        }
    }

    private void ReduceScatter(CollectiveCall call, Tensor values, Tensor result)
    {
        ScalarType type = Arithmetic(call);
        foreach ((long start, int count) in Pieces(call.Count, (long)type.ElementSize() * worldSize))
        {
            Tensor parts = Scratch(ref send, (long)count * worldSize, type);
            for (int rank = 0; rank < worldSize; rank++)
            {
                parts.narrow(0, (long)rank * count, count).copy_(values.narrow(0, (rank * call.Count) + start, count));
            }

            Tensor sum = Scratch(ref receive, count, type);
            mpi.ReduceScatter(TensorAddress.Of(parts), TensorAddress.Of(sum), count, type, call.Reduction);
            result.narrow(0, start, count).copy_(sum);
        }
    }

    // Memory for a piece, kept for the next one of the type.
    private static Tensor Scratch(ref Tensor? kept, long count, ScalarType type)
    {
        if (kept is null || kept.dtype != type || kept.numel() < count)
        {
            kept?.Dispose();
            kept = empty(count, type).DetachFromDisposeScope();
        }

        return kept.narrow(0, 0, count);
    }
}
