using Parquet.Schema;

namespace Diffusion.Data.Parquet;

/// <summary>One row group of one file.</summary>
/// <param name="Table">The file.</param>
/// <param name="Number">The index in the file, from 0.</param>
/// <param name="Rows">The number of rows, at least 1.</param>
/// <param name="Bytes">The size of its images in memory, in bytes, as the file claims.</param>
/// <param name="Labels">The label of each row; null without labels.</param>
internal sealed record ParquetGroup(ParquetTable Table, int Number, int Rows, long Bytes, int[]? Labels)
{
    /// <summary>Whether the file contains none of the images, only their paths.</summary>
    public bool HoldsNone { get; init; }

    /// <summary>The name of a row in errors.</summary>
    public string NameOf(int row) => $"{Table.Path}, row group {Number}, row {row}";
}

/// <summary>One file: its columns, class names, and row groups with labels.</summary>
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

    /// <summary>The names of the classes; empty if the file does not contain them.</summary>
    public IReadOnlyList<string> ClassNames { get; }

    /// <summary>The row groups that have rows.</summary>
    public IReadOnlyList<ParquetGroup> Groups { get; private set; } = [];

    /// <summary>Whether the file has labels.</summary>
    public bool HasLabels => columns.Label is not null;

    /// <summary>Reads the metadata and the labels of a file.</summary>
    public static ParquetTable Open(string path, ParquetImageOptions options) => ParquetFile.Read(path, async file =>
    {
        string? note = HuggingFaceFeatures.Find(file.Reader.Metadata?.KeyValueMetadata);
        ParquetColumns chosen = ParquetColumns.Choose(path, file.Reader.Schema, note, options);
        ThrowIfLabelsAreFolders(path, chosen, options.LabelColumn);
        ParquetTable table = new(path, chosen, chosen.Label is { } label ? HuggingFaceFeatures.ClassNames(note, label.Name) : []);
        List<ParquetGroup> groups = [];
        foreach ((int number, int rows) in ParquetCounts.Check(path, file))
        {
            groups.Add(await table.OpenGroup(file, number, rows).ConfigureAwait(false));
        }

        table.Groups = groups;
        return table;
    });

    /// <summary>Reads the image files of a row group; null for rows without an image.</summary>
    public byte[]?[] ReadImages(ParquetGroup group) => columns.Bytes is { } bytes
        ? ReadArrays<byte>(group, bytes)
        : new byte[]?[group.Rows];

    /// <summary>Reads the names or paths of the images of a row group; null if the file has none.</summary>
    public char[]?[]? ReadNames(ParquetGroup group) => columns.Path is { } path ? ReadArrays<char>(group, path) : null;

    private T[]?[] ReadArrays<T>(ParquetGroup group, DataField field) => ParquetFile.Read(
        Path, async file =>
            ParquetRows.Arrays(await file
                .ReadColumn<ReadOnlyMemory<T>>(group.Number, field, group.Rows, ParquetBounds.Unpacked, default).ConfigureAwait(false)));

    private async ValueTask<ParquetGroup> OpenGroup(ParquetFile file, int number, int rows)
    {
        ParquetGroup group = new(this, number, rows, columns.Bytes is { } bytes ? file.UnpackedBytes(number, bytes, rows) : 0, null);
        group = group with { HoldsNone = columns.Bytes is null || await HoldsNone(file, columns.Bytes, group).ConfigureAwait(false) };
        return columns.Label is { } label
            ? group with { Labels = await ParquetLabels.Read(file, label, group).ConfigureAwait(false) }
            : group;
    }

    // Uses the statistics; without them, a column that is too small for images is read. Damage is reported when the images are read.
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
                ParquetBounds.Unpacked, default).ConfigureAwait(false);
            return column.Places.All(place => place < 0);
        }
        catch (ImageDataException)
        {
            return false;
        }
    }

    // Spark writes label=3/part-0.parquet, without a label column in the file.
    private static void ThrowIfLabelsAreFolders(string path, ParquetColumns columns, string? label)
    {
        if (columns.Label is null && label is not null
            && System.IO.Path.GetDirectoryName(path)?.Split(System.IO.Path.DirectorySeparatorChar)
                .FirstOrDefault(part => part.StartsWith($"{label}=", StringComparison.Ordinal)) is { } folder)
        {
            throw new ImageDataException(
                path, $"it has no column {label}, and labels in folder names such as {folder} are not supported. "
                + "Write the column to the files, or set LabelColumn to null for no labels.");
        }
    }
}
