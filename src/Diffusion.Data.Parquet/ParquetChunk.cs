using Parquet;
using Parquet.Meta;
using Parquet.Schema;

namespace Diffusion.Data.Parquet;

/// <summary>Finds what the end of a file says about a column in one row group, and checks it.</summary>
internal static class ParquetChunk
{
    /// <summary>
    /// Whether values are read that are written so. Parquet.Net reads the DELTA encodings as well, but those make much of a few bytes, and
    /// claim memory where it cannot be seen from outside.
    /// </summary>
    public static bool CanRead(Encoding encoding) => encoding is Encoding.PLAIN or Encoding.PLAIN_DICTIONARY or Encoding.RLE_DICTIONARY;

    /// <summary>What it says.</summary>
    /// <param name="group">The row group.</param>
    /// <param name="field">The column; not a repeated one.</param>
    /// <param name="rows">How many rows the row group has.</param>
    /// <exception cref="InvalidDataException">It is damaged.</exception>
    /// <exception cref="NotSupportedException">
    /// The column is encrypted, lies in another file, or is packed in a way that is not read.
    /// </exception>
    public static ColumnMetaData Find(ParquetRowGroupReader group, DataField field, int rows)
    {
        ColumnChunk chunk = group.GetMetadata(field) ?? throw new InvalidDataException("The row group lacks it.");
        if (chunk.CryptoMetadata is not null || chunk.EncryptedColumnMetadata is not null)
        {
            throw new NotSupportedException("It is encrypted, which is not read. Write it in the open.");
        }

        if (!string.IsNullOrEmpty(chunk.FilePath))
        {
            throw new NotSupportedException($"It lies in another file, '{chunk.FilePath}', which is not read. Write it into this one.");
        }

        ColumnMetaData column = chunk.MetaData ?? throw new InvalidDataException("Nothing is said about it.");
        if (column.NumValues != rows)
        {
            throw new InvalidDataException($"It has {column.NumValues} values where the row group has {rows} rows.");
        }

        // The list names the encodings of levels as well.
        List<Encoding> others = column.Encodings.FindAll(encoding => !CanRead(encoding)
            && encoding is not (Encoding.RLE or Encoding.BIT_PACKED));
        if (others.Count > 0)
        {
            throw new NotSupportedException(
                $"Its values are written as {others[0]}, but only PLAIN and dictionaries are read. Write it with those, as most writers "
                    + $"do by default.");
        }

        return PackedPage.CanUnpack(column.Codec)
            ? column
            : throw new NotSupportedException(
                $"It is packed with {column.Codec}, which is not read. Use SNAPPY, ZSTD, GZIP, BROTLI, LZ4_RAW or none.");
    }
}
