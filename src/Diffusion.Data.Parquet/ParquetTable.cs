using Parquet;

namespace Diffusion.Data.Parquet;

/// <summary>One row group of one file.</summary>
/// <param name="Table">The file.</param>
/// <param name="Number">Its number in the file, from 0.</param>
/// <param name="Rows">How many rows it has, at least 1.</param>
/// <param name="Labels">The label of each row; null without labels.</param>
internal sealed record ParquetGroup(ParquetTable Table, int Number, int Rows, int[]? Labels)
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
    public static ParquetTable Open(string path, ParquetImageOptions options) => ParquetFile.Read(path, async reader =>
    {
        ParquetColumns chosen = ParquetColumns.Choose(path, reader.Schema, options);
        ParquetTable table = new(path, chosen, chosen.Label is { } label ? HuggingFaceFeatures.ClassNames(reader.CustomMetadata, label.Name) : []);
        List<ParquetGroup> groups = [];
        for (int number = 0; number < reader.RowGroupCount; number++)
        {
            long rows = reader.RowGroups[number].RowCount;
            if (rows is < 0 or > int.MaxValue)
            {
                throw new ImageDataException(path, $"its row group {number} claims {rows} rows, but 0 to {int.MaxValue} are possible. Fetch it again.");
            }

            if (rows > 0)
            {
                groups.Add(await table.OpenGroup(reader, number, (int)rows));
            }
        }

        table.Groups = groups;
        return table;
    });

    /// <summary>The image files of a row group; null where a row has none.</summary>
    public byte[]?[] ReadImages(int number, int rows) => ParquetFile.Read(
        Path, reader => ParquetFile.ReadColumn(reader, number, columns.Bytes, data => ParquetRows.Copy<byte>(data, columns.Bytes, rows)));

    /// <summary>What the images of a row group were called; null where the file does not say.</summary>
    public char[]?[]? ReadNames(int number, int rows) => columns.Path is not { } path ? null : ParquetFile.Read(
        Path, reader => ParquetFile.ReadColumn(reader, number, path, data => ParquetRows.Copy<char>(data, path, rows)));

    private async ValueTask<ParquetGroup> OpenGroup(ParquetReader reader, int number, int rows)
    {
        ParquetGroup group = new(this, number, rows, null);
        return columns.Label is not { } label
            ? group
            : group with { Labels = await ParquetFile.ReadColumn(reader, number, label, data => ParquetLabels.Read(data, label, rows, group.NameOf)) };
    }
}
