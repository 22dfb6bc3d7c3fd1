using Parquet.Schema;

namespace Diffusion.Data.Parquet;

/// <summary>The columns to read from one file.</summary>
/// <param name="Bytes">The image files; null if there are only paths.</param>
/// <param name="Path">The original name or the path of each image; null if there is none.</param>
/// <param name="Label">The labels; null without labels.</param>
internal sealed record ParquetColumns(DataField? Bytes, DataField? Path, DataField? Label)
{
    /// <summary>The default label column, which may be missing.</summary>
    public const string DefaultLabel = "label";

    private static readonly string[] ImageNames = ["image", "img", "images", "picture", "photo", "jpg", "jpeg", "png", "webp",
        "pixel_values"];
    private static readonly string[] LabelNames = [DefaultLabel, "labels", "cls", "class", "target"];

    /// <summary>Selects the columns.</summary>
    /// <param name="file">The file as errors show it.</param>
    /// <param name="schema">The columns of the file.</param>
    /// <param name="note">The metadata of Hugging Face's library; null if there is none.</param>
    /// <param name="options">The user's options.</param>
    public static ParquetColumns Choose(string file, ParquetSchema schema, string? note, ParquetImageOptions options)
    {
        (DataField? bytes, DataField? path) = ChooseImage(file, schema, note, options.ImageColumn);
        return new ParquetColumns(bytes, path, ChooseLabel(file, schema, note, options.LabelColumn));
    }

    private static (DataField? Bytes, DataField? Path) ChooseImage(string file, ParquetSchema schema, string? note, string? name)
    {
        if (name is not null)
        {
            Field chosen = Find(schema, name) ?? throw Missing(file, schema, name, nameof(ParquetImageOptions.ImageColumn));
            return PartsOf(chosen) ?? throw Unusable(file, chosen);
        }

        IReadOnlyList<string> noted = HuggingFaceFeatures.ColumnsOf(note, "Image");
        string[] others = [.. HuggingFaceFeatures.ColumnsOf(note, "Audio"), .. HuggingFaceFeatures.ColumnsOf(note, "Video")];
        Field[] named = [.. schema.Fields.Where(field => noted.Contains(field.Name, StringComparer.Ordinal)
            || ImageNames.Contains(field.Name, StringComparer.OrdinalIgnoreCase))];
        Field[] holding =
        [
            .. schema.Fields.Where(field => !others.Contains(field.Name, StringComparer.Ordinal) && PartsOf(field) is not null
                && (named.Contains(field) || field is StructField)),
        ];
        return holding switch
        {
            [Field only] => PartsOf(only)!.Value,
            [] when named is [Field unusable, ..] => throw Unusable(file, unusable),
            [] => throw Missing(file, schema, "image or img", nameof(ParquetImageOptions.ImageColumn)),
            _ => throw new ImageDataException(
                file, $"its columns {Names(holding)} all contain images. Choose one with ImageColumn."),
        };
    }

    private static DataField? ChooseLabel(string file, ParquetSchema schema, string? note, string? name)
    {
        Field? field;
        if (name is null)
        {
            return null;
        }

        if (name == DefaultLabel && Find(schema, name) is null)
        {
            IReadOnlyList<string> noted = HuggingFaceFeatures.ColumnsOf(note, "ClassLabel");
            Field[] likely = [.. schema.Fields.Where(one => LabelNames.Contains(one.Name, StringComparer.Ordinal)
                || noted.Contains(one.Name, StringComparer.Ordinal))];
            if (likely.Length > 1)
            {
                throw new ImageDataException(file,
                    $"its columns {Names(likely)} all look like labels. Choose one with LabelColumn, or set it to null for no labels.");
            }

            field = likely.FirstOrDefault();
        }
        else
        {
            field = Find(schema, name) ?? throw Missing(file, schema, name, nameof(ParquetImageOptions.LabelColumn));
        }

        return field switch
        {
            null => null,
            DataField { MaxRepetitionLevel: 0 } column when ParquetLabels.CanRead(column) => column,
            _ => throw new ImageDataException(
                file, $"its column '{field.Name}' {(IsText(field as DataField) ? "contains text" : "contains no integers")}, "
                + "but labels must be integers of at least 0. Number the classes (in Python, dataset.class_encode_column), "
                + "choose another column with LabelColumn, or set it to null for no labels."),
        };
    }

    private static Field? Find(ParquetSchema schema, string name) =>
        schema.Fields.FirstOrDefault(field => string.Equals(field.Name, name, StringComparison.Ordinal));

    // A binary column, a struct of bytes and a path, or a column of paths.
    private static (DataField? Bytes, DataField? Path)? PartsOf(Field field)
    {
        DataField? bytes = Binary(field is StructField parts ? Part(parts, "bytes") : field as DataField);
        DataField? path = field is StructField same ? Part(same, "path") : field as DataField;
        path = IsText(path) ? path : null;
        return bytes is null && path is null ? null : (bytes, path);
    }

    private static DataField? Part(StructField parts, string name) =>
        parts.Fields.FirstOrDefault(field => string.Equals(field.Name, name, StringComparison.Ordinal)) as DataField;

    private static DataField? Binary(DataField? field) =>
        field is { MaxRepetitionLevel: 0 } && field.ClrType == typeof(ReadOnlyMemory<byte>) ? field : null;

    private static bool IsText(DataField? field) => field is { MaxRepetitionLevel: 0 } && field.ClrType == typeof(ReadOnlyMemory<char>);

    private static string Names(IEnumerable<Field> fields) => string.Join(", ", fields.Select(field => field.Name));

    private static ImageDataException Missing(string file, ParquetSchema schema, string wanted, string option) => new(
        file, $"it has no column {wanted}; it has {Names(schema.Fields)}. Choose one with {option}.");

    private static ImageDataException Unusable(string file, Field field)
    {
        string what = field switch
        {
            StructField => "is a struct without a binary field 'bytes' or a text field 'path'",
            ListField or DataField { MaxRepetitionLevel: > 0 } or DataField { IsArray: true } =>
                "contains lists, but each row must contain one image file",
            _ => "is neither binary nor text nor a struct with a binary field 'bytes'",
        };
        return new ImageDataException(file,
            $"its column '{field.Name}' {what}, so it contains no image files. Choose another with ImageColumn.");
    }
}
