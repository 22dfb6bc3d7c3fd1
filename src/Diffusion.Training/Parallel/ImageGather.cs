using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// Divides images among the processes, and puts them together on rank 0, in pieces, so that the device needs little memory. Every process
/// calls the same methods in the same order.
/// </summary>
/// <param name="group">The processes.</param>
/// <param name="device">The device whose tensors the group exchanges.</param>
internal sealed class ImageGather(IProcessGroup group, Device device)
{
    private const long Piece = 1 << 20; // elements of a process

    /// <summary>
    /// The share of a process: the images lie in the order of the ranks. If they cannot be divided evenly, the first ranks have one more.
    /// </summary>
    /// <param name="rank">The process.</param>
    /// <param name="count">The number of all images.</param>
    public (int First, int Count) ShareOf(int rank, int count)
    {
        (int even, int rest) = Math.DivRem(count, group.WorldSize);
        return ((rank * even) + Math.Min(rank, rest), even + (rank < rest ? 1 : 0));
    }

    /// <summary>Puts the images together.</summary>
    /// <param name="own">The share of this process, float32 <c>[n, C, H, W]</c> on the CPU; null if it has none.</param>
    /// <param name="count">The number of all images.</param>
    /// <param name="shape">The shape of an image.</param>
    /// <returns>float32 <c>[N, C, H, W]</c> on the CPU on rank 0, null on the others. It belongs to the caller.</returns>
    public Tensor? Collect(Tensor? own, int count, ImageShape shape)
    {
        using IDisposable noGradients = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor? all = group.Rank == 0
            ? empty([count, shape.Channels, shape.Height, shape.Width], ScalarType.Float32, CPU) // [N, C, H, W]
            : null;
        int piece = (int)Math.Max(1, Piece / shape.Elements);
        int rounds = ShareOf(0, count).Count; // rank 0 has the maximum
        for (int at = 0; at < rounds; at += piece)
        {
            Exchange(own, all, at, Math.Min(piece, rounds - at), count, shape);
        }

        return all?.MoveToOuterDisposeScope();
    }

    // The images of each share from one place on; where a share has fewer, zeros are sent.
    private void Exchange(Tensor? own, Tensor? all, int at, int length, int count, ImageShape shape)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor mine = zeros([length, shape.Channels, shape.Height, shape.Width], ScalarType.Float32, CPU); // [L, C, H, W]
        int held = Held(group.Rank);
        if (held > 0)
        {
            mine.narrow(0, 0, held).copy_(own!.narrow(0, at, held));
        }

        Tensor sent = mine.SendTo(device);
        Tensor received = zeros(
            [(long)group.WorldSize * length, shape.Channels, shape.Height, shape.Width], ScalarType.Float32, device); // [R * L, C, H, W]
        using (IPendingOperation gathering = group.AllGather(received, sent))
        {
            gathering.Wait();
        }

        Tensor images = received.ToHost(); // waits for the operation, before its tensors are freed
        for (int rank = 0; all is not null && rank < group.WorldSize; rank++)
        {
            int theirs = Held(rank);
            if (theirs > 0)
            {
                all.narrow(0, ShareOf(rank, count).First + at, theirs).copy_(images.narrow(0, rank * length, theirs));
            }
        }

        int Held(int rank) => Math.Clamp(ShareOf(rank, count).Count - at, 0, length);
    }
}
