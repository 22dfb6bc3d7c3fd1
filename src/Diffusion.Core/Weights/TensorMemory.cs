using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>The memory of a CPU tensor as bytes, in pieces, because a span is limited to 2 GB and a tensor is not.</summary>
internal static class TensorMemory
{
    private const long PieceBytes = 64 << 20;

    /// <summary>Processes one piece.</summary>
    /// <param name="piece">The tensor's own memory.</param>
    /// <param name="offset">Where in the tensor it begins, in bytes.</param>
    public delegate void Visit(Span<byte> piece, long offset);

    /// <summary>Visits all bytes of a contiguous CPU tensor in order.</summary>
    public static void ForEachPiece(Tensor tensor, Visit visit)
    {
        using Tensor detached = tensor.detach();
        using Tensor flat = detached.view(-1); // [elements]
        long elementBytes = flat.ElementSize;
        long step = PieceBytes / elementBytes;
        for (long at = 0; at < flat.shape[0]; at += step)
        {
            using Tensor piece = flat.narrow(0, at, Math.Min(step, flat.shape[0] - at));
            visit(piece.bytes, at * elementBytes);
        }
    }
}
