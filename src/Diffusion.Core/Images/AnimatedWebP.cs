using System.Buffers.Binary;
using SkiaSharp;

namespace Diffusion;

/// <summary>
/// Joins frames to one animated WebP file: the container of Google's "WebP Container Specification" around frames that SkiaSharp encodes
/// without loss.
/// </summary>
internal static class AnimatedWebP
{
    private const int MaxSide = 16384;
    private const int HeaderBytes = 12;
    private const int FrameHeaderBytes = 16;
    private const byte HasAnimation = 0x02;
    private const byte ReplacesFrameBefore = 0x02; // The frame is not blended with the one before it.

    /// <summary>Encodes frames of one size.</summary>
    /// <param name="frames">At least one frame, RGB or gray.</param>
    /// <param name="durations">How long each is shown.</param>
    public static byte[] Encode(IReadOnlyList<DecodedImage> frames, IReadOnlyList<TimeSpan> durations)
    {
        (int width, int height) = (frames[0].Width, frames[0].Height);
        if (width > MaxSide || height > MaxSide)
        {
            throw new ArgumentException(
                $"A frame has {width} x {height} pixels, but WebP allows at most {MaxSide} x {MaxSide}. Use a smaller scale, or "
                + "fewer images.",
                nameof(frames));
        }

        using MemoryStream file = new();
        file.Write("RIFF\0\0\0\0WEBP"u8); // The size follows at the end.
        byte[] canvas = new byte[10];
        canvas[0] = HasAnimation;
        WriteUInt24(canvas.AsSpan(4), width - 1);
        WriteUInt24(canvas.AsSpan(7), height - 1);
        WriteChunk(file, "VP8X"u8, canvas);
        WriteChunk(file, "ANIM"u8, [255, 255, 255, 255, 0, 0]); // a white background, repeated forever
        foreach ((DecodedImage frame, TimeSpan duration) in frames.Zip(durations))
        {
            byte[] header = new byte[FrameHeaderBytes];
            WriteUInt24(header.AsSpan(6), width - 1);
            WriteUInt24(header.AsSpan(9), height - 1);
            WriteUInt24(header.AsSpan(12), (int)duration.TotalMilliseconds);
            header[15] = ReplacesFrameBefore;
            WriteChunk(file, "ANMF"u8, [.. header, .. ImageChunk(frame)]);
        }

        byte[] bytes = file.ToArray();
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(4), bytes.Length - 8);
        return bytes;
    }

    // The VP8L chunk of a still image, which may follow a VP8X chunk.
    private static byte[] ImageChunk(DecodedImage frame)
    {
        ReadOnlySpan<byte> still = SkiaPixels.Encode(frame, pixmap => pixmap.Encode(
            new SKWebpEncoderOptions(SKWebpEncoderCompression.Lossless, quality: 75)));
        for (int at = HeaderBytes; at + 8 <= still.Length;)
        {
            int size = BinaryPrimitives.ReadInt32LittleEndian(still[(at + 4)..]);
            int whole = 8 + size + (size & 1);
            if (still.Slice(at, 4).SequenceEqual("VP8L"u8))
            {
                return still.Slice(at, whole).ToArray();
            }

            at += whole;
        }

        throw new InvalidOperationException(
            "SkiaSharp encoded a WebP frame that is not lossless. Use the SkiaSharp version of this library.");
    }

    private static void WriteChunk(MemoryStream file, ReadOnlySpan<byte> name, ReadOnlySpan<byte> content)
    {
        Span<byte> size = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(size, content.Length);
        file.Write(name);
        file.Write(size);
        file.Write(content);
        if (content.Length % 2 == 1)
        {
            file.WriteByte(0);
        }
    }

    private static void WriteUInt24(Span<byte> bytes, int number)
    {
        bytes[0] = (byte)number;
        bytes[1] = (byte)(number >> 8);
        bytes[2] = (byte)(number >> 16);
    }
}
