using System.Runtime.InteropServices;

namespace Diffusion.Data;

/// <summary>Enlarges a part of an image to the whole image, in place. Not thread-safe.</summary>
internal sealed class ImageResampler
{
    private readonly ImageShape shape;
    private readonly PixelEncoding encoding;
    private readonly byte[] copy;
    private readonly AreaResize bytes;
    private readonly ResizeTaps across;
    private readonly ResizeTaps down;

    public ImageResampler(ImageShape shape, PixelEncoding encoding)
    {
        this.shape = shape;
        this.encoding = encoding;
        copy = new byte[shape.Elements * (encoding == PixelEncoding.UInt8 ? sizeof(byte) : sizeof(float))];
        bytes = new AreaResize(shape.Width, shape.Height);
        across = new ResizeTaps(shape.Width);
        down = new ResizeTaps(shape.Height);
    }

    /// <summary>Resamples an image.</summary>
    /// <param name="image">The image in the encoding of its source.</param>
    /// <param name="part">The part to enlarge, within the image.</param>
    public void Resample(Span<byte> image, CropArea part)
    {
        image.CopyTo(copy);
        if (encoding == PixelEncoding.UInt8)
        {
            bytes.Resize(new ImagePixels(shape.Width, shape.Height, shape.Channels, copy), part, image);
            return;
        }

        across.Fill(part.Left, part.Width, shape.Width);
        down.Fill(part.Top, part.Height, shape.Height);
        ReadOnlySpan<float> old = MemoryMarshal.Cast<byte, float>(copy);
        Span<float> target = MemoryMarshal.Cast<byte, float>(image);
        int size = shape.Width * shape.Height;
        for (int plane = 0; plane < target.Length; plane += size)
        {
            Plane(old.Slice(plane, size), target.Slice(plane, size));
        }
    }

    private void Plane(ReadOnlySpan<float> old, Span<float> target)
    {
        for (int y = 0; y < shape.Height; y++)
        {
            ReadOnlySpan<float> rows = down.Weights(y);
            for (int x = 0; x < shape.Width; x++)
            {
                ReadOnlySpan<float> columns = across.Weights(x);
                float sum = 0;
                for (int row = 0; row < rows.Length; row++)
                {
                    ReadOnlySpan<float> taps = old.Slice(((down.First(y) + row) * shape.Width) + across.First(x), columns.Length);
                    float line = 0;
                    for (int column = 0; column < columns.Length; column++)
                    {
                        line += columns[column] * taps[column];
                    }

                    sum += rows[row] * line;
                }

                target[(y * shape.Width) + x] = sum;
            }
        }
    }
}
