using System.Text.Json;
using static Diffusion.JsonValues;

namespace Diffusion;

/// <summary>A type of value in a scheduler's file.</summary>
/// <param name="Must">What a value must be, for messages.</param>
/// <param name="Read">Reads a value; throws a <see cref="FormatException"/>.</param>
/// <param name="TryConvert">The value in the type that <paramref name="Read"/> returns; null if it is of another kind.</param>
/// <param name="Write">Writes a value.</param>
internal sealed record DiffusersValueKind(
    string Must, Func<JsonElement, object> Read, Func<object, object?> TryConvert, Action<Utf8JsonWriter, object> Write)
{
    public static DiffusersValueKind Flag { get; } = new(
        "must be true or false.", json => JsonValues.Flag(json), value => value as bool?, (writer, value) =>
            writer.WriteBooleanValue((bool)value));

    public static DiffusersValueKind Integer { get; } = new(
        "must be an integer.", json => JsonValues.Integer(json), value => value as int?, (writer, value) =>
            writer.WriteNumberValue((int)value));

    public static DiffusersValueKind Number { get; } = new(
        "must be a number, and finite.", json => JsonValues.Number(json), value => AsNumber(value) is { } number && double.IsFinite(number)
            ? number
            : null, (writer, value) => PythonJsonWriter.WriteFloat(writer, (double)value));

    /// <summary>A number that may be infinite, as Python writes it.</summary>
    public static DiffusersValueKind AnyNumber { get; } = new(
        "must be a number.", json => json.ValueKind == JsonValueKind.Number
            ? PythonJson.Number(json)
            : throw new FormatException("must be a number."), value => AsNumber(value), (writer, value) =>
            PythonJsonWriter.WriteFloat(writer, (double)value));

    public static DiffusersValueKind Text { get; } = new(
        "must be a string.", json => JsonValues.Text(json), value => value as string, (writer, value) =>
            writer.WriteStringValue((string)value));

    public static DiffusersValueKind Numbers { get; } = new(
        "must be an array of numbers.", json => Items(json, JsonValues.Number), value => value as IReadOnlyList<double>, (writer, value) =>
            WriteItems(writer, (IReadOnlyList<double>)value, item => PythonJsonWriter.WriteFloat(writer, item)));

    public static DiffusersValueKind Integers { get; } = new(
        "must be an array of integers.", json => Items(json, JsonValues.Integer), value => value as IReadOnlyList<int>, (writer, value) =>
            WriteItems(writer, (IReadOnlyList<int>)value, writer.WriteNumberValue));

    /// <summary>Whether two values are the same; lists are compared item by item.</summary>
    public static bool AreSame(object? one, object? other) => (one, other) switch
    {
        (IReadOnlyList<double> first, IReadOnlyList<double> second) => first.SequenceEqual(second),
        (IReadOnlyList<int> first, IReadOnlyList<int> second) => first.SequenceEqual(second),
        _ => Equals(one, other),
    };

    private static double? AsNumber(object value) => value is int integer ? integer : value as double?;

    private static void WriteItems<T>(Utf8JsonWriter writer, IReadOnlyList<T> items, Action<T> write)
    {
        writer.WriteStartArray();
        foreach (T item in items)
        {
            write(item);
        }

        writer.WriteEndArray();
    }
}
