using System.Globalization;
using Parquet;
using Parquet.Schema;

namespace Diffusion.Data.Parquet.Tests;

/// <summary>Writes files in the layout of Hugging Face. Image i is a square with the value i.</summary>
internal static class WrittenParquet
{
    private static readonly DataField Bytes = new("bytes", typeof(ReadOnlyMemory<byte>), isNullable: true);
    private static readonly DataField Path = new("path", typeof(ReadOnlyMemory<char>), isNullable: true);

    /// <summary>A PNG of a single value, padded to a minimum number of bytes.</summary>
    public static byte[] Png(int value, int atLeast = 0)
    {
        using MemoryStream stream = new();
        using SkiaSharp.SKBitmap bitmap = new(new SkiaSharp.SKImageInfo(4, 4, SkiaSharp.SKColorType.Rgba8888,
            SkiaSharp.SKAlphaType.Opaque));
        bitmap.Erase(new SkiaSharp.SKColor((byte)value, (byte)value, (byte)value));
        using SkiaSharp.SKData png = bitmap.Encode(SkiaSharp.SKEncodedImageFormat.Png, 100);
        byte[] file = png.ToArray();
        Array.Resize(ref file, Math.Max(file.Length, atLeast));
        return file;
    }

    /// <summary>Writes a file of row groups; long.MinValue means a null label.</summary>
    public static Task Write(string file, byte[]?[][] groups, Func<int, long>? label = null, WrittenLayout? layout = null) =>
        WriteFile(file, groups, label, layout ?? new WrittenLayout());

    /// <summary>Writes a file with columns but without rows.</summary>
    public static async Task WriteColumns(string file, params Field[] fields)
    {
        await using FileStream stream = new(file, FileMode.Create);
        await using ParquetWriter writer = await ParquetWriter.CreateAsync(new ParquetSchema(fields), stream,
            cancellationToken: TestContext.Current.CancellationToken);
    }

    /// <summary>A struct of bytes and path.</summary>
    public static StructField Image(string name) => new(name, Bytes.Copy(), Path.Copy());

    private static async Task WriteFile(string file, byte[]?[][] groups, Func<int, long>? label, WrittenLayout layout)
    {
        Field image = layout.Plain
            ? new DataField(layout.Image, typeof(ReadOnlyMemory<byte>), isNullable: true)
            : new StructField(layout.Image, Bytes.Copy(), Path.Copy());
        DataField labels = new(layout.Label, layout.LabelType, isNullable: layout.LabelType == typeof(long));
        ParquetSchema schema = label is null ? new ParquetSchema(image) : new ParquetSchema(image, labels);
        await using FileStream stream = new(file, FileMode.Create);
        await using ParquetWriter writer = await ParquetWriter.CreateAsync(
            schema, stream, new ParquetOptions { CompressionMethod = layout.Compression },
                cancellationToken: TestContext.Current.CancellationToken);
        if (layout.Features is not null)
        {
            writer.CustomMetadata = new Dictionary<string, string>(StringComparer.Ordinal) { ["huggingface"] = layout.Features };
        }

        int start = 0;
        foreach (byte[]?[] group in groups)
        {
            int[] rows = [.. Enumerable.Range(start, group.Length)];
            start += group.Length;
            using ParquetRowGroupWriter columns = writer.CreateRowGroup();
            await columns.WriteImages(schema.DataFields[0], group);
            if (!layout.Plain)
            {
                await columns.WriteText(schema.DataFields[1], [.. rows.Select(layout.Path)]);
            }

            if (label is not null)
            {
                await columns.WriteLabels(schema.DataFields[^1], [.. rows.Select(label)], layout);
            }
        }
    }

    private static DataField Copy(this DataField field) => new(field.Name, field.ClrType, field.IsNullable);

    private static async Task WriteImages(this ParquetRowGroupWriter columns, DataField field, byte[]?[] images)
    {
        int[] levels = [.. images.Select(image => image is null ? field.MaxDefinitionLevel - 1 : field.MaxDefinitionLevel)];
        ReadOnlyMemory<byte>[] values = [.. images.Where(image => image is not null).Select(image => (ReadOnlyMemory<byte>)image)];
        await columns.WriteAllPartsAsync<ReadOnlyMemory<byte>>(field, values, levels.AsMemory(), null,
            TestContext.Current.CancellationToken);
    }

    private static async Task WriteText(this ParquetRowGroupWriter columns, DataField field, string?[] texts)
    {
        int[] levels = [.. texts.Select(text => text is null ? field.MaxDefinitionLevel - 1 : field.MaxDefinitionLevel)];
        ReadOnlyMemory<char>[] values = [.. texts.OfType<string>().Select(text => text.AsMemory())];
        await columns.WriteAllPartsAsync<ReadOnlyMemory<char>>(field, values, levels.AsMemory(), null,
            TestContext.Current.CancellationToken);
    }

    private static async Task WriteLabels(this ParquetRowGroupWriter columns, DataField field, long[] labels, WrittenLayout layout)
    {
        if (field.ClrType == typeof(int))
        {
            await columns.WriteAsync<int>(field, labels.Select(label => (int)label).ToArray()
                .AsMemory(), cancellationToken: TestContext.Current.CancellationToken);
        }
        else if (field.ClrType == typeof(sbyte))
        {
            await columns.WriteAsync<sbyte>(field, labels.Select(label => (sbyte)label).ToArray()
                .AsMemory(), cancellationToken: TestContext.Current.CancellationToken);
        }
        else if (field.ClrType == typeof(ulong))
        {
            await columns.WriteAsync<ulong>(field, labels.Select(label => (ulong)label).ToArray()
                .AsMemory(), cancellationToken: TestContext.Current.CancellationToken);
        }
        else if (field.ClrType == typeof(double))
        {
            await columns.WriteAsync<double>(field, labels.Select(label => label + layout.Fraction).ToArray()
                .AsMemory(), cancellationToken: TestContext.Current.CancellationToken);
        }
        else
        {
            long?[] values = [.. labels.Select(label => label == long.MinValue ? (long?)null : label)];
            await columns.WriteAsync<long>(field, values.AsMemory(), cancellationToken: TestContext.Current.CancellationToken);
        }
    }
}

/// <summary>The layout of a written file.</summary>
internal sealed record WrittenLayout
{
    public string Image { get; init; } = "image";

    public string Label { get; init; } = "label";

    public Type LabelType { get; init; } = typeof(long);

    /// <summary>The path of each row; null for none.</summary>
    public Func<int, string?> Path { get; init; } = row => string.Create(CultureInfo.InvariantCulture, $"{row}.png");

    /// <summary>Adds a fraction to labels, if labels are floats.</summary>
    public double Fraction { get; init; }

    public bool Plain { get; init; }

    public CompressionMethod Compression { get; init; } = CompressionMethod.Snappy;

    public string? Features { get; init; }
}
