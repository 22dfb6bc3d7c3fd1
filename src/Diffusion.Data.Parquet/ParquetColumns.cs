using Parquet.Schema;

namespace Diffusion.Data.Parquet;

/// <summary>The columns of one file that are read.</summary>
/// <param name="Bytes">The image files.</param>
/// <param name="Path">What each was called; null where the file does not say.</param>
/// <param name="Label">The labels; null without labels.</param>
internal sealed record ParquetColumns(DataField Bytes, DataField? Path, DataField? Label)
{
    /// <summary>The label column that may be missing.</summary>
    public const string DefaultLabel = "label";

    private static readonly string[] DefaultImages = ["image", "img"];

    /// <summary>Picks the columns, or says what is wrong with them.</summary>
    public static ParquetColumns Choose(string file, ParquetSchema schema, ParquetImageOptions options)
    {
        string[] candidates = options.ImageColumn is null ? DefaultImages : [options.ImageColumn];
        Field image = candidates.Select(name => Find(schema, name)).FirstOrDefault(field => field is not null)
            ?? throw Missing(file, schema, string.Join(" or ", candidates), nameof(ParquetImageOptions.ImageColumn));
        DataField? label = ChooseLabel(file, schema, options.LabelColumn);
        if (image is StructField parts)
        {
            DataField? path = Part(parts, "path");
            return IsBinary(Part(parts, "bytes")) is { } bytes
                ? new ParquetColumns(bytes, IsText(path) ? path : null, label)
                : throw Unusable(file, image.Name, "is a struct without a binary field 'bytes'");
        }

        return IsBinary(image as DataField) is { } binary
            ? new ParquetColumns(binary, null, label)
            : throw Unusable(file, image.Name, "is neither binary nor a struct with a binary field 'bytes'");
    }

    private static DataField? ChooseLabel(string file, ParquetSchema schema, string? name)
    {
        if (name is null)
        {
            return null;
        }

        return Find(schema, name) switch
        {
            null when name == DefaultLabel => null,
            null => throw Missing(file, schema, name, nameof(ParquetImageOptions.LabelColumn)),
            DataField { MaxRepetitionLevel: 0 } field when ParquetLabels.CanRead(field) => field,
            _ => throw new ImageDataException(
                file, $"its column '{name}' holds no whole numbers, as labels must be. Name another with LabelColumn, or null for no labels."),
        };
    }

    private static Field? Find(ParquetSchema schema, string name) =>
        schema.Fields.FirstOrDefault(field => string.Equals(field.Name, name, StringComparison.Ordinal));

    private static DataField? Part(StructField parts, string name) =>
        parts.Fields.FirstOrDefault(field => string.Equals(field.Name, name, StringComparison.Ordinal)) as DataField;

    private static DataField? IsBinary(DataField? field) =>
        field is { MaxRepetitionLevel: 0 } && field.ClrType == typeof(ReadOnlyMemory<byte>) ? field : null;

    private static bool IsText(DataField? field) => field is { MaxRepetitionLevel: 0 } && field.ClrType == typeof(ReadOnlyMemory<char>);

    private static ImageDataException Missing(string file, ParquetSchema schema, string wanted, string option) => new(
        file, $"it has no column {wanted}; it has {string.Join(", ", schema.Fields.Select(field => field.Name))}. Name one of them with {option}.");

    private static ImageDataException Unusable(string file, string name, string what) => new(
        file, $"its column '{name}' {what}, so it holds no image files. Name another with ImageColumn.");
}
