using System.Runtime.InteropServices;

namespace Diffusion.Data.Parquet;

/// <summary>
/// Finds the values of a column's rows. A column stores only the values that are not null, and a level for each row that says how much of
/// its path is there.
/// </summary>
internal static class ParquetRows
{
    /// <summary>Where the value of each row lies among the stored values; -1 for null.</summary>
    /// <param name="levels">The level of each row, below 0 where it was not read; empty where nothing can be null.</param>
    /// <param name="rows">How many rows there are.</param>
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
                throw new InvalidDataException($"The level of row {row} is {(level < 0 ? "missing" : level)}, but must lie in 0..{whole}.");
            }

            places[row] = level == whole ? next++ : -1;
        }

        return places;
    }

    /// <summary>
    /// The bytes or characters of each row; null where there are none. Rows that share a value in the file share it here.
    /// </summary>
    public static T[]?[] Arrays<T>(ParquetColumn<ReadOnlyMemory<T>> column) =>
        [.. column.Places.Select(place => place < 0 ? null : Array(column.Values[place]))];

    private static T[] Array<T>(ReadOnlyMemory<T> value) =>
        MemoryMarshal.TryGetArray(value, out ArraySegment<T> part) && part.Array is { } array && array.Length == part.Count
            ? array
            : value.ToArray();
}
