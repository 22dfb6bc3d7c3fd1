using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>Converts between bytes 0..255 of files and [-1, 1] of networks, and checks the range of images.</summary>
public static class PixelRange
{
    /// <summary>How far beyond [-1, 1] a value may lie, for rounding: 0.001.</summary>
    public const double Tolerance = 1e-3;

    /// <summary>Fewer values than this are never reported as images in 0..1: 4096.</summary>
    public const long UnitRangeElements = 4096;

    /// <summary>Bytes to [-1, 1]: <c>x / 127.5 - 1</c>.</summary>
    /// <param name="bytes">uint8 <c>[B, H, W, C]</c> on any device.</param>
    /// <returns>float32 <c>[B, C, H, W]</c>, contiguous, on the same device; it belongs to the caller.</returns>
    /// <exception cref="ArgumentException">The tensor is not uint8 or does not have four dimensions.</exception>
    public static Tensor FromBytes(Tensor bytes)
    {
        ArgumentNullException.ThrowIfNull(bytes);
        if (bytes.dtype != ScalarType.Byte || bytes.dim() != 4)
        {
            throw new ArgumentException($"Bytes are {bytes.dtype} {Guard.Text(bytes)}, but must be uint8 [B, H, W, C].", nameof(bytes));
        }

        if (bytes.device.type == DeviceType.CPU && bytes.is_contiguous() && bytes.numel() <= Array.MaxLength / sizeof(float))
        {
            return FromBytesInOnePass(bytes);
        }

        using DisposeScope scope = NewDisposeScope();
        Tensor planes = bytes.permute(0, 3, 1, 2).contiguous(); // [B, C, H, W]
        return planes.to(ScalarType.Float32).DivideBy(127.5).Increase(-1).MoveToOuterDisposeScope();
    }

    /// <summary>[-1, 1] to bytes: <c>round((x + 1) * 127.5)</c>, clamped to 0..255. The inverse of <see cref="FromBytes"/>.</summary>
    /// <param name="images">Floating point <c>[B, C, H, W]</c> on any device; what lies outside [-1, 1] is clamped.</param>
    /// <returns>uint8 <c>[B, H, W, C]</c>, contiguous, on the same device; it belongs to the caller.</returns>
    /// <exception cref="ArgumentException">
    /// The tensor is not floating point, does not have four dimensions, or holds NaN or infinity.
    /// </exception>
    public static Tensor ToBytes(Tensor images)
    {
        Guard.Images(images, nameof(images));
        using DisposeScope scope = NewDisposeScope();
        if (!images.isfinite().all().item<bool>())
        {
            throw new ArgumentException("Images hold NaN or infinity, which no pixel can show. They come from a model that has diverged.",
                nameof(images));
        }

        Tensor bytes = images.to(ScalarType.Float32).Plus(1).MultiplyBy(127.5).round_().Between(0, 255).to(ScalarType.Byte);
        return bytes.permute(0, 2, 3, 1).contiguous().MoveToOuterDisposeScope(); // [B, H, W, C]
    }

    /// <summary>Refuses images that are not in [-1, 1] and names the mistake.</summary>
    /// <param name="images">Floating point <c>[B, C, H, W]</c>: a whole set, or a batch.</param>
    /// <param name="refuseUnitRange">
    /// Whether <see cref="UnitRangeElements"/> or more values that all lie in 0..1 are refused as images that were
    /// never scaled to [-1, 1]. Set it to false for images without a pixel darker than middle gray. Default true.
    /// </param>
    /// <exception cref="ArgumentException">
    /// The images are not floating-point <c>[B, C, H, W]</c>, are not finite, or lie outside [-1, 1].
    /// </exception>
    public static void Check(Tensor images, bool refuseUnitRange = true)
    {
        Guard.Images(images, nameof(images));
        if (images.numel() == 0)
        {
            return;
        }

        using DisposeScope scope = NewDisposeScope();
        double min = images.min().cpu().to(ScalarType.Float64).item<double>();
        double max = images.max().cpu().to(ScalarType.Float64).item<double>();
        if (FindMistake(min, max, images.numel(), refuseUnitRange) is { } mistake)
        {
            throw new ArgumentException(mistake, nameof(images));
        }
    }

    /// <summary>The problem with the range of these pixels; null if there is none.</summary>
    /// <param name="pixels">Values that should lie in [-1, 1].</param>
    /// <param name="refuseUnitRange">As in <see cref="Check"/>.</param>
    public static string? FindMistake(ReadOnlySpan<float> pixels, bool refuseUnitRange)
    {
        if (pixels.IsEmpty)
        {
            return null;
        }

        (float min, float max) = Extremes(pixels);
        return FindMistake(min, max, pixels.Length, refuseUnitRange);
    }

    // The same numbers as libtorch's, which passes over the memory five times.
    private static Tensor FromBytesInOnePass(Tensor bytes)
    {
        int channels = (int)bytes.shape[3];
        int imageSize = (int)(bytes.shape[1] * bytes.shape[2] * channels);
        Tensor images = empty([bytes.shape[0], channels, bytes.shape[1], bytes.shape[2]], ScalarType.Float32); // [B, C, H, W]
        ReadOnlySpan<byte> source = bytes.bytes;
        Span<float> target = MemoryMarshal.Cast<byte, float>(images.bytes);
        for (int image = 0; image < target.Length; image += imageSize)
        {
            PixelPlanes.FromBytes(source.Slice(image, imageSize), target.Slice(image, imageSize), channels);
        }

        return images;
    }

    private static string? FindMistake(double min, double max, long count, bool refuseUnitRange)
    {
        string found = string.Create(CultureInfo.InvariantCulture,
            $"Images hold values in [{min:G5}, {max:G5}], but must lie in [-1, 1]");
        if (!double.IsFinite(min) || !double.IsFinite(max))
        {
            return "Images hold NaN or infinity, but must lie in [-1, 1]. Find the file or the step that introduces them.";
        }

        if (min >= 0 && max >= 2 && max <= 255 + Tolerance)
        {
            return $"{found}. They look like unscaled bytes 0..255: divide by 127.5 and subtract 1.";
        }

        if (min < -1 - Tolerance || max > 1 + Tolerance)
        {
            return $"{found}. Scale them, or clamp values that a filter or a resize moved outside.";
        }

        return refuseUnitRange && min >= 0 && count >= UnitRangeElements
            ? $"{found} and use the half below 0. They look like unscaled values in 0..1: multiply by 2 and subtract 1. "
                + "If no pixel is really darker than middle gray, pass refuseUnitRange: false; in a custom image source, return false from "
                + "RefusesUnitRange."
            : null;
    }

    // Minimum and maximum propagate NaN, so that one bad pixel cannot hide.
    private static (float Min, float Max) Extremes(ReadOnlySpan<float> pixels)
    {
        float min = pixels[0];
        float max = pixels[0];
        int done = 0;
        if (pixels.Length >= Vector<float>.Count)
        {
            Vector<float> low = new(pixels);
            Vector<float> high = low;
            for (; done <= pixels.Length - Vector<float>.Count; done += Vector<float>.Count)
            {
                Vector<float> block = new(pixels[done..]);
                low = Vector.Min(low, block);
                high = Vector.Max(high, block);
            }

            for (int lane = 0; lane < Vector<float>.Count; lane++)
            {
                min = MathF.Min(min, low[lane]);
                max = MathF.Max(max, high[lane]);
            }
        }

        foreach (float value in pixels[done..])
        {
            min = MathF.Min(min, value);
            max = MathF.Max(max, value);
        }

        return (min, max);
    }
}
