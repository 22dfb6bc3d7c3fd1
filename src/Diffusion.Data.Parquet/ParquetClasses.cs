namespace Diffusion.Data.Parquet;

/// <summary>Counts the classes of several files, which must have the same classes.</summary>
internal static class ParquetClasses
{
    /// <summary>The given number, or the number of class names, or one more than the largest label; null without labels.</summary>
    public static int? Count(IReadOnlyList<ParquetTable> tables, int? given)
    {
        if (tables.FirstOrDefault(table => table.HasLabels != tables[0].HasLabels) is { } odd)
        {
            ParquetTable without = odd.HasLabels ? tables[0] : odd;
            throw new ImageDataException(without.Path,
                "it has no labels, but other files do. Open files of a single dataset, or set LabelColumn to null.");
        }

        if (tables.FirstOrDefault(table => !table.ClassNames.SequenceEqual(tables[0].ClassNames, StringComparer.Ordinal)) is { } other)
        {
            throw new ImageDataException(
                other.Path, $"its class names differ from those of {tables[0].Path}. Open files of a single dataset.");
        }

        if (!tables[0].HasLabels)
        {
            return null;
        }

        int? classes = given ?? (tables[0].ClassNames.Count > 0 ? tables[0].ClassNames.Count : null);
        foreach (ParquetGroup group in tables.SelectMany(table => table.Groups))
        {
            int row = Array.FindIndex(group.Labels!, label => label >= (classes ?? int.MaxValue));
            if (row >= 0)
            {
                throw new ImageDataException(
                    group.NameOf(row), $"its label is {group.Labels![row]}, but labels must be in 0..{classes - 1}. "
                    + "Count classes from 0, or raise ClassCount.");
            }
        }

        return classes ?? tables.SelectMany(table => table.Groups).Max(group => group.Labels!.Max()) + 1;
    }
}
