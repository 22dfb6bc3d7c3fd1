using System.Buffers.Binary;

namespace Diffusion.Data.Parquet;

/// <summary>Checks both ends of a file and its footer before Parquet.Net reads them.</summary>
internal static class ParquetFooter
{
    private const int MinFile = 12;
    private const int PointerBytes = 64;

    private static ReadOnlySpan<byte> Mark => "PAR1"u8;

    /// <summary>Returns the offset of the footer.</summary>
    /// <exception cref="ImageDataException">The file is not a Parquet file, or is incomplete.</exception>
    /// <exception cref="InvalidDataException">The footer is damaged.</exception>
    /// <exception cref="NotSupportedException">The footer is too large.</exception>
    public static long Check(string path, Stream file)
    {
        Span<byte> first = stackalloc byte[(int)Math.Min(file.Length, PointerBytes)];
        file.ReadExactly(first);
        file.Position = 0;
        if (GitLfsPointer.IsPointer(first, file.Length))
        {
            throw new ImageDataException(path, GitLfsPointer.Explanation);
        }

        if (file.Length < MinFile)
        {
            throw new ImageDataException(
                path, $"it has {file.Length} bytes, but a Parquet file has at least {MinFile}. Download it again.");
        }

        Span<byte> begin = stackalloc byte[4];
        file.ReadExactly(begin);
        if (!begin.SequenceEqual(Mark))
        {
            throw new ImageDataException(path,
                $"it is not a Parquet file: it begins with 0x{Convert.ToHexString(begin)}, but must begin with 0x50415231 (PAR1).");
        }

        Span<byte> end = stackalloc byte[8];
        file.Position = file.Length - end.Length;
        file.ReadExactly(end);
        if (!end[4..].SequenceEqual(Mark))
        {
            throw new ImageDataException(path, $"the file is truncated: its {file.Length} bytes do not end with PAR1. Download it again.");
        }

        int length = BinaryPrimitives.ReadInt32LittleEndian(end);
        if (length < 1 || length > file.Length - MinFile)
        {
            throw new InvalidDataException($"Its footer claims {length} bytes, but must have 1 to {file.Length - MinFile}.");
        }

        if (length > ParquetBounds.Footer)
        {
            throw new NotSupportedException(
                $"Its footer has {length} bytes, but at most {ParquetBounds.Footer} are supported. "
                + "Write larger row groups, or fewer columns.");
        }

        long start = file.Length - end.Length - length;
        file.Position = start;
        CheckStructure(file, start + length);
        return start;
    }

    private static void CheckStructure(Stream file, long end)
    {
        long groups = 0;
        long columns = 0;
        new ThriftValidator(new PackedBytes(file, end), (structure, field, value) =>
        {
            groups += (structure, field) == ("SchemaElement", 5) && value != 0 ? 1 : 0;
            columns += (structure, field) == ("FileMetaData", 2) ? value : 0;
        }).Walk("FileMetaData");
        if (columns > ParquetBounds.Columns || groups > ParquetBounds.ColumnGroups)
        {
            throw new NotSupportedException(
                $"It has {columns} columns in {groups} groups, but at most {ParquetBounds.Columns} in {ParquetBounds.ColumnGroups} "
                + "are supported. Write fewer.");
        }
    }
}
