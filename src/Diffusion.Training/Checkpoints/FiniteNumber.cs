using System.Text.Json;
using System.Text.Json.Serialization;

namespace Diffusion.Training;

/// <summary>Reads the numbers of a manifest. Rejects numbers such as 1e400, which .NET reads as infinity.</summary>
internal sealed class FiniteNumber : JsonConverter<double>
{
    public override double Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.GetDouble() is var number && double.IsFinite(number) ? number : throw new JsonException("A number is not finite.");

    public override void Write(Utf8JsonWriter writer, double value, JsonSerializerOptions options) => writer.WriteNumberValue(value);
}
