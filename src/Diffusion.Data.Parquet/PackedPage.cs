using Parquet.Meta;

namespace Diffusion.Data.Parquet;

/// <summary>
/// Determines the decompressed size of data before Parquet.Net decompresses it: for Snappy and Zstandard it allocates what the compressed
/// data claims, for other codecs what the page claims.
/// </summary>
internal static class PackedPage
{
    /// <summary>Whether Parquet.Net supports a codec. It confuses the old LZ4, which has a frame around each block, with LZ4_RAW.</summary>
    public static bool CanUnpack(CompressionCodec codec) => codec is CompressionCodec.UNCOMPRESSED or CompressionCodec.SNAPPY
        or CompressionCodec.GZIP or CompressionCodec.BROTLI or CompressionCodec.ZSTD or CompressionCodec.LZ4_RAW;

    /// <summary>The maximum decompressed size of data, in bytes.</summary>
    /// <param name="codec">The codec of the data.</param>
    /// <param name="bytes">The compressed data.</param>
    /// <param name="announced">The decompressed size that the page claims.</param>
    /// <exception cref="InvalidDataException">The sizes differ.</exception>
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
            : throw new InvalidDataException($"A page decompresses to {size} bytes, but claims {announced}.");
    }
}
