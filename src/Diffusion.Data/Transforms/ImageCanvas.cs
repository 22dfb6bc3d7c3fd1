using System.Runtime.InteropServices;

namespace Diffusion.Data;

/// <summary>
/// The pixels of one image, to be changed in place. The indexer is in [-1, 1] for every source; <see cref="Bytes"/> and
/// <see cref="Floats"/> are the memory itself, for speed.
/// </summary>
public readonly ref struct ImageCanvas
{
    private readonly Span<byte> memory;
    private readonly ImageShape shape;
    private readonly PixelEncoding encoding;

    /// <summary>Looks at pixels that are elsewhere.</summary>
    /// <param name="memory">The image as <see cref="IImageSource.Read"/> gives it.</param>
    /// <param name="shape">Its shape.</param>
    /// <param name="encoding">How its pixels are given.</param>
    /// <exception cref="ArgumentException">The memory does not fit the shape.</exception>
    public ImageCanvas(Span<byte> memory, ImageShape shape, PixelEncoding encoding)
    {
        SourceGuard.Destination(memory, shape.Elements * (encoding == PixelEncoding.UInt8 ? sizeof(byte) : sizeof(float)));
        this.memory = memory;
        this.shape = shape;
        this.encoding = encoding;
    }

    /// <summary>In pixels.</summary>
    public int Width => shape.Width;

    /// <summary>In pixels.</summary>
    public int Height => shape.Height;

    /// <summary>1 for grey, 3 for RGB; float sources may have others.</summary>
    public int Channels => shape.Channels;

    /// <summary>Whether the pixels are <see cref="Bytes"/> or <see cref="Floats"/>.</summary>
    public PixelEncoding Encoding => encoding;

    /// <summary>Bytes <c>[H, W, C]</c> in 0..255.</summary>
    /// <exception cref="InvalidOperationException">The source gives floats.</exception>
    public Span<byte> Bytes => encoding == PixelEncoding.UInt8 ? memory : throw Other(nameof(Bytes), nameof(Floats));

    /// <summary>float32 <c>[C, H, W]</c> in [-1, 1].</summary>
    /// <exception cref="InvalidOperationException">The source gives bytes.</exception>
    public Span<float> Floats => encoding == PixelEncoding.Float32
        ? MemoryMarshal.Cast<byte, float>(memory)
        : throw Other(nameof(Floats), nameof(Bytes));

    /// <summary>One value in [-1, 1], whatever the source gives. What is set beyond is clamped; a byte is rounded.</summary>
    /// <param name="x">The column, 0 to <see cref="Width"/> - 1.</param>
    /// <param name="y">The row, 0 to <see cref="Height"/> - 1.</param>
    /// <param name="channel">0 to <see cref="Channels"/> - 1: red, green, blue.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such pixel.</exception>
    /// <exception cref="ArgumentException">NaN was set.</exception>
    public float this[int x, int y, int channel]
    {
        get => encoding == PixelEncoding.UInt8 ? (memory[PlaceOf(x, y, channel)] / 127.5f) - 1 : Floats[PlaceOf(x, y, channel)];
        set
        {
            if (float.IsNaN(value))
            {
                throw new ArgumentException(
                    $"NaN was set at column {x}, row {y}, channel {channel}. Find the calculation that brings it in.", nameof(value));
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
        new($"{asked} was asked for, but the source gives {there}. Use {there}, or the indexer, which works for both.");

    private int PlaceOf(int x, int y, int channel)
    {
        if ((uint)x >= (uint)Width || (uint)y >= (uint)Height || (uint)channel >= (uint)Channels)
        {
            throw new ArgumentOutOfRangeException(nameof(x), $"There is no column {x}, row {y}, channel {channel} in an image of {shape}.");
        }

        return encoding == PixelEncoding.UInt8 ? (((y * Width) + x) * Channels) + channel : (((channel * Height) + y) * Width) + x;
    }
}
