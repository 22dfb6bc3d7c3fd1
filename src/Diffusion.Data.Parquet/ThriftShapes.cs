using System.Collections.Frozen;
using System.Globalization;

namespace Diffusion.Data.Parquet;

/// <summary>
/// The structures of Parquet's metadata with their fields, as Parquet.Net 6 reads them (parquet.thrift of parquet-format 2.12).
/// </summary>
internal static class ThriftShapes
{
    /// <summary>A 32-bit integer.</summary>
    public const string Int32 = "i32";

    /// <summary>A 64-bit integer.</summary>
    public const string Int64 = "i64";

    /// <summary>A single byte.</summary>
    public const string Byte = "byte";

    /// <summary>A Boolean, whose value is in the field header.</summary>
    public const string Bool = "bool";

    /// <summary>A 64-bit floating-point number.</summary>
    public const string Double = "double";

    /// <summary>Bytes or text.</summary>
    public const string Bytes = "bytes";

    /// <summary>The suffix of lists.</summary>
    public const char List = '*';

    // Begins the further lines of a structure.
    private const string Continuation = "\n    ";

    private const string All = """
        FileMetaData 1:i32 2:SchemaElement* 3:i64 4:RowGroup* 5:KeyValue* 6:bytes 7:ColumnOrder* 8:EncryptionAlgorithm 9:bytes
        SchemaElement 1:i32 2:i32 3:i32 4:bytes 5:i32 6:i32 7:i32 8:i32 9:i32 10:LogicalType
        LogicalType 1:Empty 2:Empty 3:Empty 4:Empty 5:DecimalType 6:Empty 7:TimeType 8:TimeType 10:IntType 11:Empty 12:Empty 13:Empty
            14:Empty 15:Empty 16:VariantType 17:GeometryType 18:GeographyType
        DecimalType 1:i32 2:i32
        TimeType 1:bool 2:TimeUnit
        TimeUnit 1:Empty 2:Empty 3:Empty
        IntType 1:byte 2:bool
        VariantType 1:byte
        GeometryType 1:bytes
        GeographyType 1:bytes 2:i32
        RowGroup 1:ColumnChunk* 2:i64 3:i64 4:SortingColumn* 5:i64 6:i64 7:i32
        SortingColumn 1:i32 2:bool 3:bool
        ColumnChunk 1:bytes 2:i64 3:ColumnMetaData 4:i64 5:i32 6:i64 7:i32 8:ColumnCryptoMetaData 9:bytes
        ColumnCryptoMetaData 1:Empty 2:EncryptionWithColumnKey
        EncryptionWithColumnKey 1:bytes* 2:bytes
        ColumnMetaData 1:i32 2:i32* 3:bytes* 4:i32 5:i64 6:i64 7:i64 8:KeyValue* 9:i64 10:i64 11:i64
            12:Statistics 13:PageEncodingStats* 14:i64 15:i32 16:SizeStatistics 17:GeospatialStatistics
        Statistics 1:bytes 2:bytes 3:i64 4:i64 5:bytes 6:bytes 7:bool 8:bool
        PageEncodingStats 1:i32 2:i32 3:i32
        SizeStatistics 1:i64 2:i64* 3:i64*
        GeospatialStatistics 1:BoundingBox 2:i32*
        BoundingBox 1:double 2:double 3:double 4:double 5:double 6:double 7:double 8:double
        KeyValue 1:bytes 2:bytes
        ColumnOrder 1:Empty
        EncryptionAlgorithm 1:AesGcm 2:AesGcm
        AesGcm 1:bytes 2:bytes 3:bool
        PageHeader 1:i32 2:i32 3:i32 4:i32 5:DataPageHeader 6:Empty 7:DictionaryPageHeader 8:DataPageHeaderV2
        DataPageHeader 1:i32 2:i32 3:i32 4:i32 5:Statistics
        DictionaryPageHeader 1:i32 2:i32 3:bool
        DataPageHeaderV2 1:i32 2:i32 3:i32 4:i32 5:i32 6:i32 7:bool 8:Statistics
        Empty
        """;

    private static readonly FrozenDictionary<string, FrozenDictionary<int, string>> Shapes =
        All.Replace(Continuation, " ", StringComparison.Ordinal).Split('\n').Select(line => line.Split(' '))
            .ToFrozenDictionary(words => words[0], words => Fields(words[1..]), StringComparer.Ordinal);

    /// <summary>The types of the fields of a structure, by number.</summary>
    public static FrozenDictionary<int, string> Of(string structure) => Shapes[structure];

    private static FrozenDictionary<int, string> Fields(string[] words) => words.Select(word => word.Split(':')).ToFrozenDictionary(
        parts => int.Parse(parts[0], CultureInfo.InvariantCulture), parts => parts[1]);
}
