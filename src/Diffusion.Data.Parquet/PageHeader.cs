namespace Diffusion.Data.Parquet;

/// <summary>What the head of a page claims.</summary>
/// <param name="Type">What kind of page it is.</param>
/// <param name="Unpacked">Its size without its head, in bytes, unpacked.</param>
/// <param name="Packed">Its size without its head, in bytes, as it lies in the file.</param>
/// <param name="Values">How many values it holds, counting nulls.</param>
/// <param name="Nulls">How many of them are null; only data pages of version 2 tell.</param>
/// <param name="Encoding">How the values are written.</param>
/// <param name="Levels">The bytes before the values that are never packed; only data pages of version 2 have them.</param>
/// <param name="Repetitions">How many of those are levels of repetition.</param>
/// <param name="IsPacked">Whether the values are packed where the column is.</param>
internal sealed record PageHeader(
    long Type, long Unpacked, long Packed, long Values, long Nulls, long Encoding, long Levels, long Repetitions, bool IsPacked)
{
    /// <summary>A page of values.</summary>
    public const long DataPage = 0;

    /// <summary>A page of the values that data pages refer to.</summary>
    public const long DictionaryPage = 2;

    /// <summary>A page of values, whose levels are not packed.</summary>
    public const long DataPageV2 = 3;

    /// <summary>Reads the head of a page.</summary>
    /// <param name="file">Stands at the page; at its end at its content.</param>
    /// <param name="end">Where the pages of the column must have ended.</param>
    /// <exception cref="InvalidDataException">The head is damaged.</exception>
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
