using Parquet.Schema;

namespace Diffusion.Data.Parquet;

/// <summary>One row group of one file.</summary>
/// <param name="Table">The file.</param>
/// <param name="Number">Its number in the file, from 0.</param>
/// <param name="Rows">How many rows it has, at least 1.</param>
/// <param name="Bytes">How many bytes its images take in memory, as the file tells.</param>
/// <param name="Labels">The label of each row; null without labels.</param>
internal sealed record ParquetGroup(ParquetTable Table, int Number, int Rows, long Bytes, int[]? Labels)
{
    /// <summary>Whether the file holds none of the images.</summary>
    public bool HoldsNone { get; init; }

    /// <summary>What an error calls a row.</summary>
    public string NameOf(int row) => $"{Table.Path}, row group {Number}, row {row}";
}

/// <summary>One file: its columns, class names, and row groups with their labels.</summary>
internal sealed class ParquetTable
{
    private readonly ParquetColumns columns;

    private ParquetTable(string path, ParquetColumns columns, IReadOnlyList<string> classNames)
    {
        Path = path;
        this.columns = columns;
        ClassNames = classNames;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>The names of the classes; empty where the file does not tell.</summary>
    public IReadOnlyList<string> ClassNames { get; }

    /// <summary>The row groups that have rows.</summary>
    public IReadOnlyList<ParquetGroup> Groups { get; private set; } = [];

    /// <summary>Whether the file has labels.</summary>
    public bool HasLabels => columns.Label is not null;

    /// <summary>Reads what the end of a file says about it, and its labels.</summary>
    public static ParquetTable Open(string path, ParquetImageOptions options) => ParquetFile.Read(path, async file =>
    {
        string? note = HuggingFaceFeatures.Find(file.Reader.Metadata?.KeyValueMetadata);
        ParquetColumns chosen = ParquetColumns.Choose(path, file.Reader.Schema, note, options);
        ThrowIfLabelsAreFolders(path, chosen, options.LabelColumn);
        ParquetTable table = new(path, chosen, chosen.Label is { } label ? HuggingFaceFeatures.ClassNames(note, label.Name) : []);
        List<ParquetGroup> groups = [];
        foreach ((int number, int rows) in ParquetCounts.Check(path, file))
        {
            groups.Add(await table.OpenGroup(file, number, rows));
        }

        table.Groups = groups;
        return table;
    });

    /// <summary>The image files of a row group; null where a row has none.</summary>
    public byte[]?[] ReadImages(ParquetGroup group) => columns.Bytes is { } bytes
        ? ReadArrays<byte>(group, bytes)
        : new byte[]?[group.Rows];

    /// <summary>What the images of a row group were called, or where they are; null where the file does not say.</summary>
    public char[]?[]? ReadNames(ParquetGroup group) => columns.Path is { } path ? ReadArrays<char>(group, path) : null;

    private T[]?[] ReadArrays<T>(ParquetGroup group, DataField field) => ParquetFile.Read(
        Path, async file =>
            ParquetRows.Arrays(await file.ReadColumn<ReadOnlyMemory<T>>(group.Number, field, group.Rows, ParquetBounds.Unpacked, default)));

    private async ValueTask<ParquetGroup> OpenGroup(ParquetFile file, int number, int rows)
    {
        ParquetGroup group = new(this, number, rows, columns.Bytes is { } bytes ? file.UnpackedBytes(number, bytes, rows) : 0, null);
        group = group with { HoldsNone = columns.Bytes is null || await HoldsNone(file, columns.Bytes, group) };
        return columns.Label is { } label ? group with { Labels = await ParquetLabels.Read(file, label, group) } : group;
    }

    // Statistics tell; without them a column that is too small for images is read. Damage is found where its images are read.
    private static async ValueTask<bool> HoldsNone(ParquetFile file, DataField bytes, ParquetGroup group)
    {
        if (file.Nulls(group.Number, bytes, group.Rows) is { } nulls)
        {
            return nulls == group.Rows;
        }

        if (group.Bytes > group.Rows * ParquetBounds.MinImage)
        {
            return false;
        }

        try
        {
            ParquetColumn<ReadOnlyMemory<byte>> column = await file.ReadColumn<ReadOnlyMemory<byte>>(group.Number, bytes, group.Rows,
                ParquetBounds.Unpacked, default);
            return column.Places.All(place => place < 0);
        }
        catch (ImageDataException)
        {
            return false;
        }
    }

    // Spark writes label=3/part-0.parquet, and the column nowhere else.
    private static void ThrowIfLabelsAreFolders(string path, ParquetColumns columns, string? label)
    {
        if (columns.Label is null && label is not null
            && System.IO.Path.GetDirectoryName(path)?.Split(System.IO.Path.DirectorySeparatorChar)
                .FirstOrDefault(part => part.StartsWith($"{label}=", StringComparison.Ordinal)) is { } folder)
        {
            throw new ImageDataException(
                path, $"it has no column {label}, which the folder {folder} seems to hold: labels in the names of folders are not read. "
                + "Write the column into the files, or set LabelColumn to null for no labels.");
        }
    }
}
