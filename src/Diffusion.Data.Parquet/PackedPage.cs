using Parquet.Meta;

namespace Diffusion.Data.Parquet;

/// <summary>
/// Checks how much packed bytes unpack to before Parquet.Net unpacks them: with Snappy and Zstandard it takes as much memory as the packed
/// bytes claim, whatever the page claims; with the others as much as the page claims.
/// </summary>
internal static class PackedPage
{
    /// <summary>Whether Parquet.Net reads a codec right. It takes the old LZ4, which has a frame around each block, for the raw one.</summary>
    public static bool CanUnpack(CompressionCodec codec) => codec is CompressionCodec.UNCOMPRESSED or CompressionCodec.SNAPPY
        or CompressionCodec.GZIP or CompressionCodec.BROTLI or CompressionCodec.ZSTD or CompressionCodec.LZ4_RAW;

    /// <summary>Checks packed bytes.</summary>
    /// <param name="codec">How they are packed.</param>
    /// <param name="bytes">They.</param>
    /// <param name="unpacked">How many the page claims that they become.</param>
    /// <param name="most">How many they may become.</param>
    /// <exception cref="InvalidDataException">They become more, or other than the page claims.</exception>
    public static void Check(CompressionCodec codec, PackedBytes bytes, long unpacked, long most)
    {
        (ulong size, bool exact) = codec switch
        {
            CompressionCodec.UNCOMPRESSED => ((ulong)bytes.Left, true),
            CompressionCodec.SNAPPY => (bytes.Unsigned(PackedBytes.Int32), true),
            CompressionCodec.ZSTD => ZstdFrames.Size(bytes),
            _ => ((ulong)unpacked, true),
        };
        if (size > (ulong)most || unpacked > most)
        {
            throw new InvalidDataException($"A page unpacks to {Math.Max(size, (ulong)unpacked)} bytes, but at most {most} are possible for its size.");
        }

        if (exact && size != (ulong)unpacked)
        {
            throw new InvalidDataException($"A page unpacks to {size} bytes where it announces {unpacked}.");
        }
    }
}
