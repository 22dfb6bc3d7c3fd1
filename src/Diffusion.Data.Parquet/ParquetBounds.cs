namespace Diffusion.Data.Parquet;

/// <summary>What a file may claim about itself, so that a small file cannot take much memory.</summary>
internal static class ParquetBounds
{
    /// <summary>The largest footer, in bytes.</summary>
    public const int Footer = 16 << 20;

    /// <summary>The most structures in a footer: some fifty thousand row groups of three columns.</summary>
    public const int Structures = 1 << 20;

    /// <summary>The most columns and groups of columns.</summary>
    public const int Columns = 1 << 16;

    /// <summary>The most groups of columns, and so how deep they may lie in each other.</summary>
    public const int ColumnGroups = 1000;

    /// <summary>The largest image file, in bytes, as in shards.</summary>
    public const int Image = 1 << 30;

    /// <summary>No image file has fewer bytes.</summary>
    public const long MinImage = 16;

    /// <summary>What any column of a row group may unpack to, in bytes.</summary>
    public const long Unpacked = 64L << 20;

    private const int Rows = 1 << 20;
    private const int Packing = 256;
    private const long BytesOfLabel = 32;

    /// <summary>The most rows of a file: 1,048,576, or one for each 16 bytes where that is more.</summary>
    /// <param name="fileBytes">The size of the file.</param>
    public static int RowsOf(long fileBytes) => (int)Math.Clamp(fileBytes / MinImage, Rows, Array.MaxLength);

    /// <summary>The most bytes that labels of one row group may unpack to.</summary>
    public static long LabelsOf(int rows) => (4 << 20) + (rows * BytesOfLabel);

    /// <summary>The most bytes that packed bytes may unpack to: 256 times as many, or a given number where that is more.</summary>
    public static long UnpackedOf(long packed, long always) => Math.Max(always, packed * Packing);
}
