using System.Runtime.InteropServices;

namespace Diffusion.Data;

/// <summary>
/// The pixels of one image, to be changed in place. The indexer uses [-1, 1] for every source; <see cref="Bytes"/> and <see cref="Floats"/>
/// give fast access to the memory.
/// </summary>
public readonly ref struct ImageCanvas
{
    private readonly Span<byte> memory;
    private readonly ImageShape shape;
    private readonly PixelEncoding encoding;

    /// <summary>Wraps the pixels of an image without copying them.</summary>
    /// <param name="memory">The image as returned by <see cref="IImageSource.Read"/>.</param>
    /// <param name="shape">The shape of the image.</param>
    /// <param name="encoding">The encoding of the pixels.</param>
    /// <exception cref="ArgumentException">The memory does not match the shape.</exception>
    public ImageCanvas(Span<byte> memory, ImageShape shape, PixelEncoding encoding)
    {
        SourceGuard.Destination(memory, shape.Elements * (encoding == PixelEncoding.UInt8 ? sizeof(byte) : sizeof(float)));
        this.memory = memory;
        this.shape = shape;
        this.encoding = encoding;
    }

    /// <summary>The width in pixels.</summary>
    public int Width => shape.Width;

    /// <summary>The height in pixels.</summary>
    public int Height => shape.Height;

    /// <summary>The number of channels: 1 for grayscale, 3 for RGB; float sources may have others.</summary>
    public int Channels => shape.Channels;

    /// <summary>The encoding: whether the pixels are <see cref="Bytes"/> or <see cref="Floats"/>.</summary>
    public PixelEncoding Encoding => encoding;

    /// <summary>The pixels as bytes <c>[H, W, C]</c> in 0..255.</summary>
    /// <exception cref="InvalidOperationException">The pixels are floats.</exception>
    public Span<byte> Bytes => encoding == PixelEncoding.UInt8 ? memory : throw Other(nameof(Bytes), nameof(Floats));

    /// <summary>The pixels as float32 <c>[C, H, W]</c> in [-1, 1].</summary>
    /// <exception cref="InvalidOperationException">The pixels are bytes.</exception>
    public Span<float> Floats => encoding == PixelEncoding.Float32
        ? MemoryMarshal.Cast<byte, float>(memory)
        : throw Other(nameof(Floats), nameof(Bytes));

    /// <summary>A value in [-1, 1], whatever the encoding. Values outside this range are clamped; bytes are rounded.</summary>
    /// <param name="x">The column, 0 to <see cref="Width"/> - 1.</param>
    /// <param name="y">The row, 0 to <see cref="Height"/> - 1.</param>
    /// <param name="channel">0 to <see cref="Channels"/> - 1: red, green, blue.</param>
    /// <exception cref="ArgumentOutOfRangeException">The pixel is outside the image.</exception>
    /// <exception cref="ArgumentException">The value is NaN.</exception>
    public float this[int x, int y, int channel]
    {
        get => encoding == PixelEncoding.UInt8 ? (memory[PlaceOf(x, y, channel)] / 127.5f) - 1 : Floats[PlaceOf(x, y, channel)];
        set
        {
            if (float.IsNaN(value))
            {
                throw new ArgumentException(
                    $"NaN was set at column {x}, row {y}, channel {channel}. Find the calculation that produces it.", nameof(value));
            }

            float clamped = Math.Clamp(value, -1, 1);
            if (encoding == PixelEncoding.UInt8)
            {
                memory[PlaceOf(x, y, channel)] = (byte)(((clamped + 1) * 127.5f) + 0.5f);
            }
            else
            {
                Floats[PlaceOf(x, y, channel)] = clamped;
            }
        }
    }

    private static InvalidOperationException Other(string asked, string there) =>
        new($"{asked} was used, but the pixels are {there}. Use {there}, or the indexer, which supports both.");

    private int PlaceOf(int x, int y, int channel)
    {
        if ((uint)x >= (uint)Width || (uint)y >= (uint)Height || (uint)channel >= (uint)Channels)
        {
            throw new ArgumentOutOfRangeException(nameof(x), $"There is no column {x}, row {y}, channel {channel} in an image of {shape}.");
        }

        return encoding == PixelEncoding.UInt8 ? (((y * Width) + x) * Channels) + channel : (((channel * Height) + y) * Width) + x;
    }
}
