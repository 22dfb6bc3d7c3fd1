using System.Numerics;
using System.Runtime.Intrinsics;

namespace Diffusion.Data;

/// <summary>
/// Resizes a part of an image. Downscaling averages exactly the area that each new pixel covers, so nothing aliases; upscaling interpolates
/// linearly between pixel centers. Works on sRGB values without linearization. Products and sums are computed tap by tap, whatever the
/// width of the processor's vectors, so the result has the same bytes everywhere. Not thread-safe.
/// </summary>
/// <param name="width">The width of the result.</param>
/// <param name="height">The height of the result.</param>
internal sealed class AreaResize(int width, int height)
{
    // A pixel with three channels is read as four values.
    private const int Slack = 1;
    private readonly ResizeTaps across = new(width);
    private readonly ResizeTaps down = new(height);
    private float[] row = [];

    /// <summary>Writes the resized part as bytes <c>[H, W, C]</c>.</summary>
    /// <param name="image">The grayscale or RGB image, at full size, or downscaled but still larger than the result.</param>
    /// <param name="part">The part to resize, in pixels of the full-size image.</param>
    /// <param name="destination">Filled completely.</param>
    public void Resize(ImagePixels image, CropArea part, Span<byte> destination)
    {
        int channels = image.Channels;
        double wide = part.Width / image.Downscale;
        double left = (part.Left - image.FullLeft) / image.Downscale;
        double top = (part.Top - image.FullTop) / image.Downscale;
        int firstColumn = Math.Min((int)left, image.Width - 1);
        int columns = Math.Clamp((int)Math.Ceiling(left + wide), firstColumn + 1, image.Width) - firstColumn;
        across.Fill(left - firstColumn, wide, columns);
        down.Fill(top, part.Height / image.Downscale, image.Height);
        int length = columns * channels;
        if (row.Length < length + Slack)
        {
            row = new float[length + Slack];
        }

        int stride = image.Width * channels;
        ReadOnlySpan<byte> strip = image.Bytes[(firstColumn * channels)..];
        for (int y = 0; y < height; y++)
        {
            // Vertically first, over whole rows, then horizontally.
            Sum(strip[(down.First(y) * stride)..], stride, down.Weights(y), row.AsSpan(0, length));
            Span<byte> target = destination.Slice(y * width * channels, width * channels);
            if (channels == 1)
            {
                AcrossGray(target);
            }
            else
            {
                AcrossRgb(target);
            }
        }
    }

    private static void Sum(ReadOnlySpan<byte> rows, int stride, ReadOnlySpan<float> weights, Span<float> sums)
    {
        int x = 0;
        int step = Vector<float>.Count;
        for (; x <= sums.Length - Vector<byte>.Count; x += Vector<byte>.Count)
        {
            Vector<float> a = Vector<float>.Zero;
            Vector<float> b = Vector<float>.Zero;
            Vector<float> c = Vector<float>.Zero;
            Vector<float> d = Vector<float>.Zero;
            for (int tap = 0; tap < weights.Length; tap++)
            {
                Vector<float> weight = new(weights[tap]);
                Vector.Widen(new Vector<byte>(rows[((tap * stride) + x)..]), out Vector<ushort> low, out Vector<ushort> high);
                Vector.Widen(low, out Vector<uint> first, out Vector<uint> second);
                Vector.Widen(high, out Vector<uint> third, out Vector<uint> fourth);
                a += weight * Vector.ConvertToSingle(Vector.AsVectorInt32(first));
                b += weight * Vector.ConvertToSingle(Vector.AsVectorInt32(second));
                c += weight * Vector.ConvertToSingle(Vector.AsVectorInt32(third));
                d += weight * Vector.ConvertToSingle(Vector.AsVectorInt32(fourth));
            }

            a.CopyTo(sums[x..]);
            b.CopyTo(sums[(x + step)..]);
            c.CopyTo(sums[(x + (2 * step))..]);
            d.CopyTo(sums[(x + (3 * step))..]);
        }

        for (; x < sums.Length; x++)
        {
            float sum = 0;
            for (int tap = 0; tap < weights.Length; tap++)
            {
                sum += weights[tap] * rows[(tap * stride) + x];
            }

            sums[x] = sum;
        }
    }

    private void AcrossGray(Span<byte> target)
    {
        for (int x = 0; x < width; x++)
        {
            ReadOnlySpan<float> weights = across.Weights(x);
            ReadOnlySpan<float> old = row.AsSpan(across.First(x), weights.Length);
            float sum = 0.5f;
            for (int tap = 0; tap < weights.Length; tap++)
            {
                sum += weights[tap] * old[tap];
            }

            target[x] = (byte)Math.Clamp(sum, 0, 255);
        }
    }

    private void AcrossRgb(Span<byte> target)
    {
        for (int x = 0; x < width; x++)
        {
            ReadOnlySpan<float> weights = across.Weights(x);
            ReadOnlySpan<float> old = row.AsSpan(across.First(x) * 3, (weights.Length * 3) + Slack);
            Vector128<float> sum = Vector128.Create(0.5f);
            for (int tap = 0; tap < weights.Length; tap++)
            {
                sum += Vector128.Create(weights[tap]) * Vector128.Create(old[(3 * tap)..]);
            }

            Vector128<int> color = Vector128.ConvertToInt32(Vector128.Clamp(sum, Vector128<float>.Zero, Vector128.Create(255f)));
            target[3 * x] = (byte)color[0];
            target[(3 * x) + 1] = (byte)color[1];
            target[(3 * x) + 2] = (byte)color[2];
        }
    }
}
