using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// Puts together what the processes hold in parts. Every process calls the same methods in the same order. What is not gathered in place is
/// gathered in pieces, so that it needs little memory besides the result.
/// </summary>
/// <param name="group">The processes.</param>
/// <param name="shard">The part of this process.</param>
internal sealed class ShardGather(IProcessGroup group, FlatShard shard)
{
    private const long Piece = 1 << 20; // elements

    /// <summary>Gets the parameters that the other processes have updated.</summary>
    /// <param name="parameters">All parameters.</param>
    public void Update(FlatParameters parameters)
    {
        using IDisposable noGradients = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor all = parameters.Padded.narrow(0, 0, shard.Padded);
        Finish(group.AllGather(all, all.narrow(0, shard.Rank * shard.Length, shard.Length)));
    }

    /// <summary>Copies the parts of a buffer to the processes that want all of it.</summary>
    /// <param name="part">The part of this process, float32.</param>
    /// <param name="whole">Receives all trained elements, on any device; null for a process that only sends its part.</param>
    public void Copy(Tensor part, Tensor? whole)
    {
        using IDisposable noGradients = no_grad();
        for (long at = 0; at < shard.Length; at += Piece)
        {
            using DisposeScope scope = NewDisposeScope();
            long length = Math.Min(Piece, shard.Length - at);
            Tensor all = zeros(length * shard.World, ScalarType.Float32, part.device);
            Tensor own = all.narrow(0, shard.Rank * length, length);
            long held = Held(shard.Rank, at, length);
            own.narrow(0, 0, held).copy_(part.narrow(0, held == 0 ? 0 : at, held));
            Finish(group.AllGather(all, own));
            for (int rank = 0; whole is not null && rank < shard.World; rank++)
            {
                long count = Held(rank, at, length);
                whole.narrow(0, count == 0 ? 0 : shard.FromOf(rank) + at, count).copy_(all.narrow(0, rank * length, count));
            }
        }
    }

    /// <summary>Copies a tensor of one process to the others.</summary>
    /// <param name="values">Its values on that process; on the others a tensor of the same shape and type, which is overwritten.</param>
    /// <param name="owner">The process.</param>
    public void Send(Tensor values, int owner)
    {
        using IDisposable noGradients = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor sent = values.to(TypeOf(values.dtype)!.Value).contiguous();
        Finish(group.Broadcast(sent, owner));
        values.copy_(sent);
    }

    /// <summary>The type in which processes exchange tensors of a type, without rounding; null if there is none.</summary>
    public static ScalarType? TypeOf(ScalarType type) => type switch
    {
        ScalarType.Float32 or ScalarType.BFloat16 or ScalarType.Float16 or ScalarType.Int64 => type,
        ScalarType.Byte or ScalarType.Int8 => ScalarType.Float16, // exact up to 2048
        ScalarType.Int16 or ScalarType.Int32 => ScalarType.Int64,
        _ => null,
    };

    // How many elements of a piece a process holds.
    private long Held(int rank, long at, long length) => Math.Clamp(shard.FromOf(rank + 1) - shard.FromOf(rank) - at, 0, length);

    private static void Finish(IPendingOperation operation)
    {
        using (operation)
        {
            operation.Wait();
        }
    }
}
