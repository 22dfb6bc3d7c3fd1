using System.Buffers;
using System.Numerics;

namespace Diffusion.Data;

/// <summary>
/// An image as planes <c>[C, H, W]</c> in [-1, 1], for changes of color. Floats are changed in place; bytes are copied, and rounded once
/// when they are written back. The result does not depend on the width of the processor's vectors.
/// </summary>
internal readonly ref struct ColorPlanes
{
    // The weights of ITU-R BT.601, as in Pillow and torchvision.
    private const float Red = 0.299f;
    private const float Green = 0.587f;
    private const float Blue = 0.114f;

    private static readonly float[] OfByte = [.. Enumerable.Range(0, 256).Select(value => (value / 127.5f) - 1)];

    private readonly Span<byte> bytes; // empty for floats
    private readonly float[]? rented;
    private readonly Span<float> planes;
    private readonly int channels;
    private readonly int size;

    public ColorPlanes(ImageCanvas image)
    {
        channels = image.Channels;
        size = image.Width * image.Height;
        if (image.Encoding == PixelEncoding.Float32)
        {
            planes = image.Floats;
            return;
        }

        bytes = image.Bytes;
        rented = ArrayPool<float>.Shared.Rent(bytes.Length);
        planes = rented.AsSpan(0, bytes.Length);
        for (int channel = 0; channel < channels; channel++)
        {
            Span<float> plane = Plane(channel);
            for (int pixel = 0, at = channel; pixel < plane.Length; pixel++, at += channels)
            {
                plane[pixel] = OfByte[bytes[at]];
            }
        }
    }

    /// <summary>Multiplies every value by a factor, adds an offset, and clamps to [-1, 1].</summary>
    public void Scale(float factor, float offset)
    {
        foreach (ref float value in planes)
        {
            value = Math.Clamp((factor * value) + offset, -1, 1);
        }
    }

    /// <summary>The mean gray value of the image.</summary>
    public float MeanGray()
    {
        double sum = 0;
        if (channels == 1)
        {
            foreach (float value in planes)
            {
                sum += value;
            }
        }
        else
        {
            Span<float> red = Plane(0);
            Span<float> green = Plane(1);
            Span<float> blue = Plane(2);
            for (int pixel = 0; pixel < size; pixel++)
            {
                sum += (Red * red[pixel]) + (Green * green[pixel]) + (Blue * blue[pixel]);
            }
        }

        return (float)(sum / size);
    }

    /// <summary>Changes the saturation of a color image: 0 is gray, 1 is unchanged.</summary>
    public void Saturate(float factor)
    {
        Span<float> red = Plane(0);
        Span<float> green = Plane(1);
        Span<float> blue = Plane(2);
        for (int pixel = 0; pixel < size; pixel++)
        {
            float gray = (1 - factor) * ((Red * red[pixel]) + (Green * green[pixel]) + (Blue * blue[pixel]));
            red[pixel] = Math.Clamp((factor * red[pixel]) + gray, -1, 1);
            green[pixel] = Math.Clamp((factor * green[pixel]) + gray, -1, 1);
            blue[pixel] = Math.Clamp((factor * blue[pixel]) + gray, -1, 1);
        }
    }

    /// <summary>Rotates the hue of a color image; value and saturation (of HSV) are unchanged.</summary>
    /// <param name="turns">The rotation as a fraction of a full turn.</param>
    public void TurnHue(float turns)
    {
        Span<float> red = Plane(0);
        Span<float> green = Plane(1);
        Span<float> blue = Plane(2);
        Vector<float> sixths = new(6 * turns);
        int pixel = 0;
        for (; pixel <= size - Vector<float>.Count; pixel += Vector<float>.Count)
        {
            TurnHue(red[pixel..], green[pixel..], blue[pixel..], sixths);
        }

        Span<float> rest = stackalloc float[3 * Vector<float>.Count];
        Span<float> restGreen = rest[Vector<float>.Count..];
        Span<float> restBlue = rest[(2 * Vector<float>.Count)..];
        red[pixel..].CopyTo(rest);
        green[pixel..].CopyTo(restGreen);
        blue[pixel..].CopyTo(restBlue);
        TurnHue(rest, restGreen, restBlue, sixths);
        rest[..(size - pixel)].CopyTo(red[pixel..]);
        restGreen[..(size - pixel)].CopyTo(green[pixel..]);
        restBlue[..(size - pixel)].CopyTo(blue[pixel..]);
    }

    /// <summary>Writes bytes back and releases the memory.</summary>
    public void Close()
    {
        if (rented is null)
        {
            return;
        }

        for (int channel = 0; channel < channels; channel++)
        {
            Span<float> plane = Plane(channel);
            for (int pixel = 0, at = channel; pixel < plane.Length; pixel++, at += channels)
            {
                bytes[at] = (byte)(((plane[pixel] + 1) * 127.5f) + 0.5f);
            }
        }

        ArrayPool<float>.Shared.Return(rented);
    }

    // Converts to hue, in sixths of a turn, and back: each channel decreases by the chroma where the hue is far from it.
    private static void TurnHue(Span<float> red, Span<float> green, Span<float> blue, Vector<float> sixths)
    {
        (Vector<float> r, Vector<float> g, Vector<float> b) = (new(red), new(green), new(blue));
        Vector<float> value = Vector.Max(Vector.Max(r, g), b);
        Vector<float> chroma = value - Vector.Min(Vector.Min(r, g), b);
        Vector<float> divisor = Vector.ConditionalSelect(Vector.Equals(chroma, Vector<float>.Zero), Vector<float>.One, chroma);
        Vector<float> hue = sixths + Vector.ConditionalSelect(
            Vector.Equals(value, r),
            (g - b) / divisor,
            Vector.ConditionalSelect(Vector.Equals(value, g), new Vector<float>(2) + ((b - r) / divisor),
                new Vector<float>(4) + ((r - g) / divisor)));
        Fall(value, chroma, hue + new Vector<float>(5)).CopyTo(red);
        Fall(value, chroma, hue + new Vector<float>(3)).CopyTo(green);
        Fall(value, chroma, hue + Vector<float>.One).CopyTo(blue);
    }

    private static Vector<float> Fall(Vector<float> value, Vector<float> chroma, Vector<float> distance)
    {
        Vector<float> within = distance - (new Vector<float>(6) * Vector.Floor(distance / new Vector<float>(6)));
        Vector<float> share = Vector.Min(Vector.Min(within, new Vector<float>(4) - within), Vector<float>.One);
        return value - (chroma * Vector.Max(share, Vector<float>.Zero));
    }

    private Span<float> Plane(int channel) => planes.Slice(channel * size, size);
}
