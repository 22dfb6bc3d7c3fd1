namespace Diffusion.Data.Parquet;

/// <summary>The header of a page.</summary>
/// <param name="Type">The type of the page.</param>
/// <param name="Unpacked">The uncompressed size without the header, in bytes.</param>
/// <param name="Packed">The size in the file without the header, in bytes.</param>
/// <param name="Values">The number of values, including nulls.</param>
/// <param name="Nulls">The number of nulls; only in data pages of version 2.</param>
/// <param name="Encoding">The encoding of the values.</param>
/// <param name="Levels">The size of the uncompressed levels before the values; only in data pages of version 2.</param>
/// <param name="Repetitions">The size of the repetition levels among them.</param>
/// <param name="IsPacked">Whether the values are compressed if the column is.</param>
internal sealed record PageHeader(
    long Type, long Unpacked, long Packed, long Values, long Nulls, long Encoding, long Levels, long Repetitions, bool IsPacked)
{
    /// <summary>A data page of version 1.</summary>
    public const long DataPage = 0;

    /// <summary>A dictionary page.</summary>
    public const long DictionaryPage = 2;

    /// <summary>A data page of version 2, whose levels are not compressed.</summary>
    public const long DataPageV2 = 3;

    /// <summary>Reads the header of a page.</summary>
    /// <param name="file">The file, positioned at the page; afterwards at its content.</param>
    /// <param name="end">The limit of the pages of the column.</param>
    /// <exception cref="InvalidDataException">The header is damaged.</exception>
    public static PageHeader Read(Stream file, long end)
    {
        Dictionary<(string, int), long> numbers = [];
        new ThriftValidator(new PackedBytes(file, end), (structure, field, value) => numbers[(structure, field)] = value)
            .Walk("PageHeader");
        long Number(string structure, int field) => numbers.GetValueOrDefault((structure, field));

        (string kind, int encoding) = Number("PageHeader", 1) switch
        {
            DictionaryPage => ("DictionaryPageHeader", 2),
            DataPageV2 => ("DataPageHeaderV2", 4),
            _ => ("DataPageHeader", 2),
        };
        bool second = kind == "DataPageHeaderV2";
        long repetitions = second ? Number(kind, 6) : 0;
        return new PageHeader(
            Number("PageHeader", 1), Number("PageHeader", 2), Number("PageHeader", 3), Number(kind, 1), second ? Number(kind, 2) : 0,
            Number(kind, encoding), second ? Number(kind, 5) + repetitions : 0, repetitions,
            !second || numbers.GetValueOrDefault((kind, 7), 1) != 0);
    }
}
