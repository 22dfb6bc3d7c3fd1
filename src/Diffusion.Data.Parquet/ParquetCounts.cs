using Parquet;

namespace Diffusion.Data.Parquet;

/// <summary>Checks the numbers of rows that a file and its row groups claim.</summary>
internal static class ParquetCounts
{
    /// <summary>The row groups with rows, and their numbers of rows.</summary>
    /// <exception cref="ImageDataException">The numbers are negative, too large for the file, or inconsistent.</exception>
    public static IReadOnlyList<(int Group, int Rows)> Check(string path, ParquetFile file)
    {
        int max = ParquetBounds.RowsOf(file.Length);
        long total = 0;
        List<(int Group, int Rows)> groups = [];
        for (int number = 0; number < file.Reader.RowGroupCount; number++)
        {
            long rows = file.Reader.RowGroups[number].RowCount;
            if (rows < 0 || rows > max - total)
            {
                throw new ImageDataException(
                    path, $"its row group {number} claims {rows} rows after {total} others, but a file of {file.Length} bytes "
                    + $"has at most {max}. Download it again.");
            }

            total += rows;
            if (rows > 0)
            {
                groups.Add((number, (int)rows));
            }
        }

        long claimed = file.Reader.Metadata?.NumRows ?? 0;
        return claimed == total
            ? groups
            : throw new ImageDataException(path,
                $"it claims {claimed} rows, but its {file.Reader.RowGroupCount} row groups have {total}. Download it again.");
    }
}
