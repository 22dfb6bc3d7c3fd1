using Parquet.Meta;

namespace Diffusion.Data.Parquet;

/// <summary>
/// Finds how much packed bytes unpack to before Parquet.Net unpacks them: with Snappy and Zstandard it takes as much memory as the packed
/// bytes claim, whatever the page claims; with the others as much as the page claims.
/// </summary>
internal static class PackedPage
{
    /// <summary>
    /// Whether Parquet.Net reads a codec right. It takes the old LZ4, which has a frame around each block, for the raw one.
    /// </summary>
    public static bool CanUnpack(CompressionCodec codec) => codec is CompressionCodec.UNCOMPRESSED or CompressionCodec.SNAPPY
        or CompressionCodec.GZIP or CompressionCodec.BROTLI or CompressionCodec.ZSTD or CompressionCodec.LZ4_RAW;

    /// <summary>How much packed bytes may unpack to, in bytes.</summary>
    /// <param name="codec">How they are packed.</param>
    /// <param name="bytes">They.</param>
    /// <param name="announced">How many the page says that they become.</param>
    /// <exception cref="InvalidDataException">They become others.</exception>
    public static long Unpacked(CompressionCodec codec, PackedBytes bytes, long announced)
    {
        (ulong size, bool exact) = codec switch
        {
            CompressionCodec.UNCOMPRESSED => ((ulong)bytes.Left, true),
            CompressionCodec.SNAPPY => (bytes.Unsigned(PackedBytes.Int32), true),
            CompressionCodec.ZSTD => ZstdFrames.Size(bytes),
            _ => ((ulong)announced, true),
        };
        return !exact || size == (ulong)announced
            ? Math.Max(long.CreateSaturating(size), announced)
            : throw new InvalidDataException($"A page unpacks to {size} bytes where it announces {announced}.");
    }
}
