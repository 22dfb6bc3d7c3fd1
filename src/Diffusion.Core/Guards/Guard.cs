using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>Checks of what comes in from outside. libtorch's own errors are native stack frames, and some end the process.</summary>
internal static class Guard
{
    /// <summary>Refuses tensors of different shapes.</summary>
    public static void SameShape(Tensor first, Tensor second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        if (!first.shape.AsSpan().SequenceEqual(second.shape))
        {
            throw new ArgumentException($"The tensors must have one shape, but have {Text(first)} and {Text(second)}.");
        }
    }

    /// <summary>Refuses anything but int64 timesteps [B] in [0, T-1], and gives them as numbers.</summary>
    public static long[] Timesteps(Tensor timesteps, long batch, int count)
    {
        ArgumentNullException.ThrowIfNull(timesteps);
        if (timesteps.dtype != ScalarType.Int64)
        {
            throw new ArgumentException(
                $"Timesteps are {timesteps.dtype}, but must be int64 integers in [0, {count - 1}]: a schedule has no level between two of them, "
                + "and rounding would train on other levels than were meant. Draw them as integers, for example torch.randint(0, T, [B]).");
        }

        if (timesteps.dim() != 1 || timesteps.shape[0] != batch)
        {
            throw new ArgumentException($"Timesteps have the shape {Text(timesteps)}, but must be [{batch}]: one for each image of the batch.");
        }

        using Tensor onCpu = timesteps.cpu();
        using Tensor contiguous = onCpu.contiguous();
        long[] values = contiguous.data<long>().ToArray();
        foreach (long value in values)
        {
            if (value < 0 || value >= count)
            {
                throw new ArgumentException(
                    $"Timestep {value} is outside [0, {count - 1}]. Timesteps count from 0 to T-1, T = {count}; "
                    + "draw them as torch.randint(0, T, [B]).");
            }
        }

        return values;
    }

    /// <summary>Refuses anything but floating-point images [B, C, H, W].</summary>
    public static void Images(Tensor images, string name)
    {
        ArgumentNullException.ThrowIfNull(images, name);
        if (images.dim() != 4 || !images.is_floating_point())
        {
            throw new ArgumentException(
                $"Images are {images.dtype} {Text(images)}, but must be floating point [B, C, H, W].", name);
        }
    }

    /// <summary>A shape as text: [64, 3, 32, 32].</summary>
    public static string Text(Tensor tensor) => $"[{string.Join(", ", tensor.shape)}]";
}
