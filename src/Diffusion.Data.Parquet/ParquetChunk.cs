using Parquet;
using Parquet.Meta;
using Parquet.Schema;

namespace Diffusion.Data.Parquet;

/// <summary>Finds and checks the metadata of a column in one row group.</summary>
internal static class ParquetChunk
{
    /// <summary>
    /// Whether an encoding is supported. Parquet.Net also reads the DELTA encodings, but there a few bytes can claim much memory, which
    /// cannot be checked beforehand.
    /// </summary>
    public static bool CanRead(Encoding encoding) => encoding is Encoding.PLAIN or Encoding.PLAIN_DICTIONARY or Encoding.RLE_DICTIONARY;

    /// <summary>Finds the metadata.</summary>
    /// <param name="group">The row group.</param>
    /// <param name="field">The column, which must not be repeated.</param>
    /// <param name="rows">The number of rows in the row group.</param>
    /// <exception cref="InvalidDataException">The metadata is damaged.</exception>
    /// <exception cref="NotSupportedException">
    /// The column is encrypted, in another file, or has an unsupported encoding or codec.
    /// </exception>
    public static ColumnMetaData Find(ParquetRowGroupReader group, DataField field, int rows)
    {
        ColumnChunk chunk = group.GetMetadata(field) ?? throw new InvalidDataException("The row group does not contain it.");
        if (chunk.CryptoMetadata is not null || chunk.EncryptedColumnMetadata is not null)
        {
            throw new NotSupportedException("It is encrypted, which is not supported. Write it without encryption.");
        }

        if (!string.IsNullOrEmpty(chunk.FilePath))
        {
            throw new NotSupportedException(
                $"It is in another file, '{chunk.FilePath}', which is not supported. Write it to the same file.");
        }

        ColumnMetaData column = chunk.MetaData ?? throw new InvalidDataException("Its metadata is missing.");
        if (column.NumValues != rows)
        {
            throw new InvalidDataException($"It has {column.NumValues} values, but the row group has {rows} rows.");
        }

        // The list includes the encodings of levels.
        List<Encoding> others = column.Encodings.FindAll(encoding => !CanRead(encoding)
            && encoding is not (Encoding.RLE or Encoding.BIT_PACKED));
        if (others.Count > 0)
        {
            throw new NotSupportedException(
                $"Its values have the encoding {others[0]}, but only PLAIN and dictionaries are supported. "
                + "Use those, which are the default of most writers.");
        }

        return PackedPage.CanUnpack(column.Codec)
            ? column
            : throw new NotSupportedException(
                $"It is compressed with {column.Codec}, which is not supported. Use SNAPPY, ZSTD, GZIP, BROTLI, LZ4_RAW or none.");
    }
}
