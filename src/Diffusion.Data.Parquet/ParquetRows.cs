using Parquet.Data;
using Parquet.Schema;

namespace Diffusion.Data.Parquet;

/// <summary>
/// Finds the values of a column's rows. A column stores only the values that are not null, and a level for each row that says how much of
/// its path is there.
/// </summary>
internal static class ParquetRows
{
    /// <summary>Where the value of each row lies among the stored values; -1 for null.</summary>
    public static int[] Places<T>(RawColumnData<T> column, DataField field, int rows)
        where T : struct
    {
        int[] places = new int[rows];
        ReadOnlySpan<int> levels = field.MaxDefinitionLevel == 0 ? [] : column.DefinitionLevels;
        if (field.MaxDefinitionLevel > 0 && levels.Length != rows)
        {
            throw new InvalidDataException($"column {field.Path} has {levels.Length} rows where its row group has {rows}.");
        }

        int next = 0;
        for (int row = 0; row < rows; row++)
        {
            places[row] = field.MaxDefinitionLevel == 0 || levels[row] == field.MaxDefinitionLevel ? next++ : -1;
        }

        return next <= column.Values.Length
            ? places
            : throw new InvalidDataException($"column {field.Path} has {column.Values.Length} values where {next} are announced.");
    }

    /// <summary>The values of a column of bytes or characters, copied; null where there is none.</summary>
    public static T[]?[] Copy<T>(RawColumnData data, DataField field, int rows)
        where T : struct
    {
        if (data is not RawColumnData<ReadOnlyMemory<T>> column)
        {
            throw new InvalidDataException($"column {field.Path} came back as {data.GetType().Name}.");
        }

        int[] places = Places(column, field, rows);
        T[]?[] values = new T[]?[rows];
        for (int row = 0; row < rows; row++)
        {
            values[row] = places[row] < 0 ? null : column.Values[places[row]].ToArray();
        }

        return values;
    }
}
