using System.Runtime.InteropServices;

namespace Diffusion.Data.Parquet;

/// <summary>Finds the values of a column's rows. A column stores only non-null values, and a definition level for each row.</summary>
internal static class ParquetRows
{
    /// <summary>The index of each row's value among the stored values; -1 for null.</summary>
    /// <param name="levels">The level of each row, negative if it was not read; empty if the column is not nullable.</param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="whole">The level of a row that has a value.</param>
    /// <exception cref="InvalidDataException">A level is impossible.</exception>
    public static int[] Places(ReadOnlySpan<int> levels, int rows, int whole)
    {
        int[] places = new int[rows];
        int next = 0;
        for (int row = 0; row < rows; row++)
        {
            int level = levels.IsEmpty ? whole : levels[row];
            if (level < 0 || level > whole)
            {
                throw new InvalidDataException($"The level of row {row} is {(level < 0 ? "missing" : level)}, but must be in 0..{whole}.");
            }

            places[row] = level == whole ? next++ : -1;
        }

        return places;
    }

    /// <summary>The bytes or characters of each row; null for null. Rows that share a value in the file share the array.</summary>
    public static T[]?[] Arrays<T>(ParquetColumn<ReadOnlyMemory<T>> column) =>
        [.. column.Places.Select(place => place < 0 ? null : Array(column.Values[place]))];

    private static T[] Array<T>(ReadOnlyMemory<T> value) =>
        MemoryMarshal.TryGetArray(value, out ArraySegment<T> part) && part.Array is { } array && array.Length == part.Count
            ? array
            : value.ToArray();
}
