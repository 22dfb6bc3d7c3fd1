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
        ParquetColumns chosen = ParquetColumns.Choose(path, file.Reader.Schema, options);
        string? note = HuggingFaceFeatures.Find(file.Reader.Metadata?.KeyValueMetadata);
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
    public byte[]?[] ReadImages(ParquetGroup group) => ReadArrays<byte>(group, columns.Bytes);

    /// <summary>What the images of a row group were called; null where the file does not say.</summary>
    public char[]?[]? ReadNames(ParquetGroup group) => columns.Path is { } path ? ReadArrays<char>(group, path) : null;

    private T[]?[] ReadArrays<T>(ParquetGroup group, DataField field) => ParquetFile.Read(
        Path, async file => ParquetRows.Arrays(await file.ReadColumn<ReadOnlyMemory<T>>(group.Number, field, group.Rows, ParquetBounds.Unpacked, default)));

    private async ValueTask<ParquetGroup> OpenGroup(ParquetFile file, int number, int rows)
    {
        ParquetGroup group = new(this, number, rows, file.UnpackedBytes(number, columns.Bytes, rows), null);
        return columns.Label is { } label ? group with { Labels = await ParquetLabels.Read(file, label, group) } : group;
    }
}
