using System.Runtime.Intrinsics;

namespace Diffusion;

/// <summary>Converts interleaved bytes to planes of floats in [-1, 1], in one pass: <c>x / 127.5 - 1</c>.</summary>
internal static class PixelPlanes
{
    private const int Lanes = 16;

    // An index outside a vector, which shuffles to 0.
    private const byte X = 0xFF;

    /// <summary>Converts one image.</summary>
    /// <param name="bytes"><c>[H, W, C]</c>.</param>
    /// <param name="planes"><c>[C, H, W]</c>, of the same length.</param>
    /// <param name="channels">C.</param>
    public static void FromBytes(ReadOnlySpan<byte> bytes, Span<float> planes, int channels)
    {
        int size = bytes.Length / channels;
        int done = channels switch
        {
            1 => Gray(bytes, planes),
            3 => Rgb(bytes, planes[..size], planes.Slice(size, size), planes[(2 * size)..]),
            _ => 0,
        };
        for (int channel = 0; channel < channels; channel++)
        {
            Span<float> plane = planes.Slice(channel * size, size);
            for (int pixel = done; pixel < size; pixel++)
            {
                plane[pixel] = (bytes[(pixel * channels) + channel] / 127.5f) - 1;
            }
        }
    }

    private static int Gray(ReadOnlySpan<byte> bytes, Span<float> plane)
    {
        int done = 0;
        for (; done <= plane.Length - Lanes; done += Lanes)
        {
            Store(Vector128.Create(bytes[done..]), plane[done..]);
        }

        return done;
    }

    // Sixteen pixels are three vectors; each plane takes every third byte of them.
    private static int Rgb(ReadOnlySpan<byte> bytes, Span<float> red, Span<float> green, Span<float> blue)
    {
        int done = 0;
        for (; done <= red.Length - Lanes; done += Lanes)
        {
            ReadOnlySpan<byte> pixels = bytes[(3 * done)..];
            Vector128<byte> first = Vector128.Create(pixels);
            Vector128<byte> second = Vector128.Create(pixels[Lanes..]);
            Vector128<byte> third = Vector128.Create(pixels[(2 * Lanes)..]);
            Store(
                Vector128.Shuffle(first, Vector128.Create((byte)0, 3, 6, 9, 12, 15, X, X, X, X, X, X, X, X, X, X))
                | Vector128.Shuffle(second, Vector128.Create(X, X, X, X, X, X, 2, 5, 8, 11, 14, X, X, X, X, X))
                | Vector128.Shuffle(third, Vector128.Create(X, X, X, X, X, X, X, X, X, X, X, 1, 4, 7, 10, 13)),
                red[done..]);
            Store(
                Vector128.Shuffle(first, Vector128.Create((byte)1, 4, 7, 10, 13, X, X, X, X, X, X, X, X, X, X, X))
                | Vector128.Shuffle(second, Vector128.Create(X, X, X, X, X, 0, 3, 6, 9, 12, 15, X, X, X, X, X))
                | Vector128.Shuffle(third, Vector128.Create(X, X, X, X, X, X, X, X, X, X, X, 2, 5, 8, 11, 14)),
                green[done..]);
            Store(
                Vector128.Shuffle(first, Vector128.Create((byte)2, 5, 8, 11, 14, X, X, X, X, X, X, X, X, X, X, X))
                | Vector128.Shuffle(second, Vector128.Create(X, X, X, X, X, 1, 4, 7, 10, 13, X, X, X, X, X, X))
                | Vector128.Shuffle(third, Vector128.Create(X, X, X, X, X, X, X, X, X, X, 0, 3, 6, 9, 12, 15)),
                blue[done..]);
        }

        return done;
    }

    private static void Store(Vector128<byte> values, Span<float> target)
    {
        (Vector128<ushort> lower, Vector128<ushort> upper) = Vector128.Widen(values);
        (Vector128<uint> a, Vector128<uint> b) = Vector128.Widen(lower);
        (Vector128<uint> c, Vector128<uint> d) = Vector128.Widen(upper);
        Scale(a).CopyTo(target);
        Scale(b).CopyTo(target[4..]);
        Scale(c).CopyTo(target[8..]);
        Scale(d).CopyTo(target[12..]);
    }

    private static Vector128<float> Scale(Vector128<uint> values) =>
        (Vector128.ConvertToSingle(values.AsInt32()) / Vector128.Create(127.5f)) - Vector128<float>.One;
}
