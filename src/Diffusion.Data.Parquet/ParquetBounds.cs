namespace Diffusion.Data.Parquet;

/// <summary>Limits for the claims of a file, so that a small file cannot allocate much memory.</summary>
internal static class ParquetBounds
{
    /// <summary>The maximum size of the footer, in bytes.</summary>
    public const int Footer = 16 << 20;

    /// <summary>The maximum number of structures in a footer: about 50,000 row groups with three columns.</summary>
    public const int Structures = 1 << 20;

    /// <summary>The maximum number of columns and column groups.</summary>
    public const int Columns = 1 << 16;

    /// <summary>The maximum number of column groups, which also limits their nesting.</summary>
    public const int ColumnGroups = 1000;

    /// <summary>The maximum size of an image file, in bytes, as in shards.</summary>
    public const int Image = 1 << 30;

    /// <summary>The minimum size of an image file, in bytes.</summary>
    public const long MinImage = 16;

    /// <summary>The size that any column of a row group may decompress to, in bytes.</summary>
    public const long Unpacked = 64L << 20;

    private const int Rows = 1 << 20;
    private const int Packing = 256;
    private const long BytesOfLabel = 32;

    /// <summary>The maximum number of rows in a file: 1,048,576, or one per 16 bytes if that is more.</summary>
    /// <param name="fileBytes">The size of the file, in bytes.</param>
    public static int RowsOf(long fileBytes) => (int)Math.Clamp(fileBytes / MinImage, Rows, Array.MaxLength);

    /// <summary>The maximum decompressed size of the labels of one row group, in bytes.</summary>
    public static long LabelsOf(int rows) => (4 << 20) + (rows * BytesOfLabel);

    /// <summary>The maximum decompressed size of data: 256 times its compressed size, or a given minimum if that is more.</summary>
    public static long UnpackedOf(long packed, long always) => Math.Max(always, packed * Packing);
}
