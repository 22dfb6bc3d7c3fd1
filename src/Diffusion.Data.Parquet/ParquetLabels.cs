using Parquet.Data;
using Parquet.Schema;

namespace Diffusion.Data.Parquet;

/// <summary>Turns a column of whole numbers of any width into labels.</summary>
internal static class ParquetLabels
{
    /// <summary>Whether a column holds whole numbers.</summary>
    public static bool CanRead(DataField field) =>
        field.ClrType == typeof(long) || field.ClrType == typeof(int) || field.ClrType == typeof(short) || field.ClrType == typeof(sbyte)
        || field.ClrType == typeof(ulong) || field.ClrType == typeof(uint) || field.ClrType == typeof(ushort) || field.ClrType == typeof(byte);

    /// <summary>The label of each row.</summary>
    /// <param name="data">The column of one row group.</param>
    /// <param name="field">The column.</param>
    /// <param name="rows">How many rows the group has.</param>
    /// <param name="nameOf">What an error calls a row.</param>
    public static int[] Read(RawColumnData data, DataField field, int rows, Func<int, string> nameOf) => data switch
    {
        RawColumnData<long> column => Read(column, field, rows, nameOf, value => value),
        RawColumnData<int> column => Read(column, field, rows, nameOf, value => value),
        RawColumnData<short> column => Read(column, field, rows, nameOf, value => value),
        RawColumnData<sbyte> column => Read(column, field, rows, nameOf, value => value),
        RawColumnData<ulong> column => Read(column, field, rows, nameOf, value => (long)Math.Min(value, long.MaxValue)),
        RawColumnData<uint> column => Read(column, field, rows, nameOf, value => value),
        RawColumnData<ushort> column => Read(column, field, rows, nameOf, value => value),
        RawColumnData<byte> column => Read(column, field, rows, nameOf, value => value),
        _ => throw new InvalidDataException($"a column of {field.ClrType.Name} came back as {data.GetType().Name}."),
    };

    private static int[] Read<T>(RawColumnData<T> column, DataField field, int rows, Func<int, string> nameOf, Func<T, long> widen)
        where T : struct
    {
        int[] labels = new int[rows];
        int[] places = ParquetRows.Places(column, field, rows);
        for (int row = 0; row < rows; row++)
        {
            if (places[row] < 0)
            {
                throw new ImageDataException(nameOf(row), "its label is null. Give every row a label, or set LabelColumn to null for no labels.");
            }

            long label = widen(column.Values[places[row]]);
            if (label is < 0 or >= int.MaxValue)
            {
                throw new ImageDataException(
                    nameOf(row), $"its label is {label}, but labels must lie in 0..{int.MaxValue - 1}. -1 marks rows whose label is kept secret: "
                    + "set LabelColumn to null to read them without labels.");
            }

            labels[row] = (int)label;
        }

        return labels;
    }
}
