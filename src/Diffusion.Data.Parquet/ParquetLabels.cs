using System.Globalization;
using System.Numerics;
using Parquet.Schema;

namespace Diffusion.Data.Parquet;

/// <summary>
/// Reads labels from a column of integers of any width, or of floats, which pandas writes for integer columns with missing values.
/// </summary>
internal static class ParquetLabels
{
    /// <summary>Whether a column can contain labels.</summary>
    public static bool CanRead(DataField field) =>
        field.ClrType == typeof(long) || field.ClrType == typeof(int) || field.ClrType == typeof(short) || field.ClrType == typeof(sbyte)
        || field.ClrType == typeof(ulong) || field.ClrType == typeof(uint) || field.ClrType == typeof(ushort)
            || field.ClrType == typeof(byte)
        || field.ClrType == typeof(double) || field.ClrType == typeof(float);

    /// <summary>The label of each row.</summary>
    /// <param name="file">The file.</param>
    /// <param name="field">The column.</param>
    /// <param name="group">The row group.</param>
    public static ValueTask<int[]> Read(ParquetFile file, DataField field, ParquetGroup group) => field.ClrType switch
    {
        Type type when type == typeof(long) => Read<long>(file, field, group),
        Type type when type == typeof(int) => Read<int>(file, field, group),
        Type type when type == typeof(short) => Read<short>(file, field, group),
        Type type when type == typeof(sbyte) => Read<sbyte>(file, field, group),
        Type type when type == typeof(ulong) => Read<ulong>(file, field, group),
        Type type when type == typeof(uint) => Read<uint>(file, field, group),
        Type type when type == typeof(ushort) => Read<ushort>(file, field, group),
        Type type when type == typeof(double) => Read<double>(file, field, group),
        Type type when type == typeof(float) => Read<float>(file, field, group),
        _ => Read<byte>(file, field, group),
    };

    private static async ValueTask<int[]> Read<T>(ParquetFile file, DataField field, ParquetGroup group)
        where T : struct, INumber<T>, IMinMaxValue<T>
    {
        // A missing value must not look like class 0.
        T missing = T.IsNegative(T.MinValue) ? T.MinValue : T.MaxValue;
        ParquetColumn<T> column = await file
            .ReadColumn(group.Number, field, group.Rows, ParquetBounds.LabelsOf(group.Rows), missing).ConfigureAwait(false);
        int[] labels = new int[group.Rows];
        for (int row = 0; row < labels.Length; row++)
        {
            int place = column.Places[row];
            if (place < 0)
            {
                throw new ImageDataException(group.NameOf(row),
                    "its label is null. Label every row, or set LabelColumn to null for no labels.");
            }

            T value = column.Values[place];
            if (!T.IsInteger(value))
            {
                throw new ImageDataException(group.NameOf(row), string.Create(
                    CultureInfo.InvariantCulture,
                    $"its label is {value}, but labels must be integers of at least 0. ")
                    + "Number the classes, or set LabelColumn to null for no labels.");
            }

            long label = long.CreateSaturating(value);
            if (label is < 0 or >= int.MaxValue)
            {
                throw new ImageDataException(
                    group.NameOf(row),
                    $"its label is {label}, but labels must be in 0..{int.MaxValue - 1}. -1 usually marks rows without a published label: "
                    + "set LabelColumn to null to read them without labels.");
            }

            labels[row] = (int)label;
        }

        return labels;
    }
}
