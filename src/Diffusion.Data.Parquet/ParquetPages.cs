using Parquet.Meta;

namespace Diffusion.Data.Parquet;

/// <summary>Checks the pages of a column in one row group before Parquet.Net reads them.</summary>
internal static class ParquetPages
{
    private const int MinValue = 4; // the size of a number or of the length of a text

    /// <summary>Checks the pages, and returns the end of the last page with values.</summary>
    /// <param name="file">The file.</param>
    /// <param name="end">The limit of the pages.</param>
    /// <param name="column">The column in the row group.</param>
    /// <param name="always">The size that the pages may always decompress to, in bytes, however small they are.</param>
    /// <exception cref="InvalidDataException">A page is damaged.</exception>
    public static long Check(Stream file, long end, ColumnMetaData column, long always)
    {
        long position = Start(column);
        if (position < 0 || position >= end)
        {
            throw new InvalidDataException($"Its pages begin at byte {position}, but pages end at byte {end}.");
        }

        long values = 0;
        long packed = 0;
        long unpacked = 0;
        while (values < column.NumValues)
        {
            file.Position = position;
            PageHeader page = PageHeader.Read(file, end);
            CheckClaims(page, end - file.Position, column.NumValues, column.NumValues - values);
            position = file.Position + page.Packed;
            file.Position += page.Levels;
            CompressionCodec codec = page.IsPacked ? column.Codec : CompressionCodec.UNCOMPRESSED;
            long content = PackedPage.Unpacked(codec, new PackedBytes(file, position), page.Unpacked - page.Levels);
            packed += page.Packed;
            long max = ParquetBounds.UnpackedOf(packed, always);
            if (content > max - unpacked)
            {
                throw new InvalidDataException(
                    $"Its pages decompress to {unpacked} and {content} bytes, but at most {max} are allowed for their size.");
            }

            unpacked += content;
            values += page.Type == PageHeader.DictionaryPage ? 0 : page.Values;
        }

        return position;
    }

    // As in Parquet.Net, an offset of 0 means none.
    private static long Start(ColumnMetaData column) =>
        new[] { column.DictionaryPageOffset ?? 0, column.DataPageOffset, column.IndexPageOffset ?? 0 }.Where(offset => offset != 0)
            .DefaultIfEmpty(-1).Min();

    private static void CheckClaims(PageHeader page, long left, long values, long valuesLeft)
    {
        if (page.Type is not (PageHeader.DataPage or PageHeader.DataPageV2 or PageHeader.DictionaryPage))
        {
            throw new InvalidDataException($"A page is of type {page.Type}, but must be a data page (0 or 3) or a dictionary page (2).");
        }

        long max = page.Type == PageHeader.DictionaryPage ? Math.Min(values, page.Unpacked / MinValue) : valuesLeft;
        if (page.Packed < 0 || page.Packed > left || page.Values < 0 || page.Values > max || page.Nulls < 0 || page.Nulls > page.Values)
        {
            throw new InvalidDataException(
                $"A page claims {page.Packed} bytes, {page.Values} values and {page.Nulls} nulls, "
                + $"but {left} bytes and {max} values are possible.");
        }

        if (page.Repetitions != 0 || page.Levels < 0 || page.Levels > Math.Min(page.Packed, page.Unpacked))
        {
            throw new InvalidDataException(
                $"A page of {page.Packed} bytes claims {page.Levels} bytes of levels, "
                + $"including {page.Repetitions} bytes of repetition levels.");
        }

        if (!ParquetChunk.CanRead((Encoding)page.Encoding))
        {
            throw new InvalidDataException($"A page has the encoding {(Encoding)page.Encoding}, which the column does not declare.");
        }
    }
}
