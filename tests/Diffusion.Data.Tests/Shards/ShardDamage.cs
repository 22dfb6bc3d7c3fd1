using System.Buffers.Binary;
using System.Formats.Tar;
using System.Text;
using SkiaSharp;

namespace Diffusion.Data.Tests.Shards;

/// <summary>Valid shards, and shards with a single defect.</summary>
internal static class ShardDamage
{
    public const int Samples = 8;

    /// <summary>A shard of samples with labels and uniform gray images; one file may be replaced.</summary>
    public static byte[] Shard(int first, string? changed = null, byte[]? bytes = null)
    {
        List<(string Name, byte[] Bytes)> files = [];
        for (int i = first; i < first + Samples; i++)
        {
            files.Add(($"{i:D6}.png", ShardFolder.Image(i)));
            files.Add(($"{i:D6}.cls", [(byte)('0' + (i % 3))]));
        }

        int place = files.FindIndex(file => file.Name == changed);
        if (place >= 0 && bytes is null)
        {
            files.RemoveAt(place);
        }
        else if (place >= 0)
        {
            files[place] = (changed!, bytes!);
        }

        return TarReaderTests.Archive(TarEntryFormat.Ustar, [.. files]);
    }

    /// <summary>A shard that cannot be used as a whole; if a single sample is at fault, it is the fourth.</summary>
    public static byte[] OfShard(string kind, int first)
    {
        byte[] shard = Shard(first);
        int header = 512 * (4 * 3); // each file has one header and one block
        switch (kind)
        {
            case "truncated":
                return shard[..(shard.Length * 2 / 3)];
            case "interleaved key":
                Rename(shard.AsSpan(header), $"{first:D6}.txt");
                return shard;
            case "duplicate suffix":
                Rename(shard.AsSpan(header + 1024), $"{first + 3:D6}.PNG");
                return shard;
            case "wrong checksum":
                shard[header + 3] ^= 1;
                return shard;
            case "claims 2 GB":
                "20000000000\0"u8.CopyTo(shard.AsSpan(header + 124));
                TarReaderTests.Seal(shard.AsSpan(header));
                return shard;
            case "empty":
                return [];
            case "no tar":
                return [.. Enumerable.Range(0, 9000).Select(i => (byte)(i * 31))];
            case "bad label":
                return Shard(first, $"{first + 3:D6}.cls", "dog"u8.ToArray());
            case "bad json":
                "00000000022\0"u8.CopyTo(shard.AsSpan(header + 1024 + 124));
                "{\"label\": 1, \"a\": 'b"u8.CopyTo(shard.AsSpan(header + 1024 + 512));
                Rename(shard.AsSpan(header + 1024), $"{first + 3:D6}.json");
                return shard;
            default:
                throw new ArgumentException($"No damage is called {kind}.");
        }
    }

    /// <summary>The bytes that replace one image; null for a sample without an image.</summary>
    public static byte[]? OfImage(string kind) => kind switch
    {
        "zero bytes" => [],
        "truncated JPEG" => Encoded(SKEncodedImageFormat.Jpeg)[..^300],
        "truncated PNG" => Encoded(SKEncodedImageFormat.Png)[..^300],
        "30,000 x 30,000" => Enlarged(ShardFolder.Image(1), 30_000),
        "text" => Encoding.ASCII.GetBytes("<html>404 Not Found</html>"),
        "no image" => null,
        _ => throw new ArgumentException($"No damage is called {kind}."),
    };

    private static void Rename(Span<byte> header, string name)
    {
        header[..100].Clear();
        Encoding.ASCII.GetBytes(name).CopyTo(header);
        TarReaderTests.Seal(header);
    }

    private static byte[] Encoded(SKEncodedImageFormat format)
    {
        using SKBitmap bitmap = new(64, 64);
        for (int i = 0; i < 64 * 64; i++)
        {
            bitmap.SetPixel(i % 64, i / 64, new SKColor((byte)(i * 7), (byte)(i * i), (byte)(i / 3)));
        }

        using SKData data = bitmap.Encode(format, 90);
        return data.ToArray();
    }

    // The size lies in the first chunk, IHDR, which ends in a CRC of its type and 13 bytes.
    private static byte[] Enlarged(byte[] png, int side)
    {
        BinaryPrimitives.WriteInt32BigEndian(png.AsSpan(16), side);
        BinaryPrimitives.WriteInt32BigEndian(png.AsSpan(20), side);
        uint crc = uint.MaxValue;
        foreach (byte value in png.AsSpan(12, 17))
        {
            crc ^= value;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ ((crc & 1) == 0 ? 0 : 0xEDB88320);
            }
        }

        BinaryPrimitives.WriteUInt32BigEndian(png.AsSpan(29), ~crc);
        return png;
    }
}
