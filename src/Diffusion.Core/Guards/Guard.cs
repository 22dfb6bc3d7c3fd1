using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>Checks of arguments. libtorch's own errors are native stack traces, and some crash the process.</summary>
internal static class Guard
{
    /// <summary>Refuses anything but floating-point images [B, C, H, W] with noise of their shape and dtype on their device.</summary>
    public static void ImagesWithNoise(Tensor clean, Tensor noise)
    {
        Images(clean, nameof(clean));
        Images(noise, nameof(noise));
        if (!clean.shape.AsSpan().SequenceEqual(noise.shape) || clean.dtype != noise.dtype || !OnOneDevice(clean, noise))
        {
            throw new ArgumentException(
                $"Images and noise must have one shape, dtype and device, but are {clean.dtype} {Text(clean)} on {clean.device} and "
                + $"{noise.dtype} {Text(noise)} on {noise.device}. Draw the noise like the images.",
                nameof(noise));
        }
    }

    /// <summary>Whether both tensors are on the same device.</summary>
    public static bool OnOneDevice(Tensor first, Tensor second) =>
        first.device_type == second.device_type && first.device_index == second.device_index;

    /// <summary>Refuses anything but int64 timesteps [B] in [0, T-1], and returns them as numbers.</summary>
    public static long[] Timesteps(Tensor timesteps, long batch, int count)
    {
        ArgumentNullException.ThrowIfNull(timesteps);
        if (timesteps.dtype != ScalarType.Int64)
        {
            throw new ArgumentException(
                $"Timesteps are {timesteps.dtype}, but must be int64 integers in [0, {count - 1}]: a schedule has no level between two "
                + "of them, and rounding would train on other levels than were meant. Draw them as integers, for example "
                + "torch.randint(0, T, [B]).");
        }

        if (timesteps.dim() != 1 || timesteps.shape[0] != batch)
        {
            throw new ArgumentException(
                $"Timesteps have the shape {Text(timesteps)}, but must be [{batch}]: one for each image of the batch.");
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

    /// <summary>Refuses anything but one noise level for each image.</summary>
    public static void Levels(IReadOnlyList<NoiseLevel> levels, long batch)
    {
        ArgumentNullException.ThrowIfNull(levels);
        if (levels.Count != batch)
        {
            throw new ArgumentException($"There are {levels.Count} noise levels for {batch} images. Pass one for each.", nameof(levels));
        }
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
