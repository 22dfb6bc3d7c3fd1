using Parquet;
using Parquet.Schema;

namespace Diffusion.Benchmarks;

/// <summary>Writes image files into a table in Hugging Face's layout, a hundred images per row group as in theirs.</summary>
internal static class ParquetTableFile
{
    private const int RowsPerGroup = 100;

    public static async Task Write(string path, string[] files)
    {
        ParquetSchema schema = new(new StructField(
            "image", new DataField("bytes", typeof(ReadOnlyMemory<byte>), isNullable: true),
                new DataField("path", typeof(ReadOnlyMemory<char>), isNullable: true)));
        await using FileStream stream = new(path, FileMode.Create);
        await using ParquetWriter writer = await ParquetWriter.CreateAsync(schema, stream);
        foreach (string[] rows in files.Chunk(RowsPerGroup))
        {
            using ParquetRowGroupWriter group = writer.CreateRowGroup();
            DataField bytes = schema.DataFields[0];
            DataField names = schema.DataFields[1];
            ReadOnlyMemory<byte>[] contents = [.. rows.Select(file => (ReadOnlyMemory<byte>)File.ReadAllBytes(file))];
            ReadOnlyMemory<char>[] texts = [.. rows.Select(file => Path.GetFileName(file).AsMemory())];
            await group.WriteAllPartsAsync<ReadOnlyMemory<byte>>(bytes, contents, Levels(bytes, rows.Length), null, CancellationToken.None);
            await group.WriteAllPartsAsync<ReadOnlyMemory<char>>(names, texts, Levels(names, rows.Length), null, CancellationToken.None);
        }
    }

    // No value is null.
    private static Memory<int> Levels(DataField field, int rows) => Enumerable.Repeat(field.MaxDefinitionLevel, rows).ToArray();
}
