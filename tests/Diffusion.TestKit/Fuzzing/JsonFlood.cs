using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Diffusion.TestKit.Fuzzing;

/// <summary>Many copies of a token, to insert into a JSON text.</summary>
internal sealed class JsonFlood
{
    private const int Capacity = 1 << 20;

    private readonly byte[] bytes;

    private JsonFlood(JsonTokenType inside, Func<int, string> part)
    {
        Inside = inside;
        StringBuilder text = new();
        for (int i = 0; text.Length < Capacity; i++)
        {
            text.Append(part(i));
        }

        bytes = Encoding.ASCII.GetBytes(text.ToString());
    }

    /// <summary>Every kind.</summary>
    public static IReadOnlyList<JsonFlood> All { get; } =
    [
        new(JsonTokenType.String, _ => "a"),
        new(JsonTokenType.String, _ => "\\u0001"),
        new(JsonTokenType.PropertyName, _ => "a"),
        new(JsonTokenType.Number, _ => "1"),
        new(JsonTokenType.StartObject, i => string.Create(CultureInfo.InvariantCulture, $"\"k{i}\":{i},")),
        new(JsonTokenType.StartObject, _ => "\"k\":\"\","),
        new(JsonTokenType.StartObject, _ => "\"k\":{"),
        new(JsonTokenType.StartObject, _ => "\"k\":["),
        new(JsonTokenType.StartObject, _ => " "),
        new(JsonTokenType.StartArray, i => string.Create(CultureInfo.InvariantCulture, $"{i + 1},")),
        new(JsonTokenType.StartArray, _ => "\"a\","),
        new(JsonTokenType.StartArray, _ => "{},"),
        new(JsonTokenType.StartArray, _ => "["),
    ];

    /// <summary>The tokens after whose first byte it fits.</summary>
    public JsonTokenType Inside { get; }

    /// <summary>Its start, with at most the given number of bytes.</summary>
    public ReadOnlySpan<byte> Part(int length)
    {
        ReadOnlySpan<byte> part = bytes.AsSpan(0, Math.Min(length, bytes.Length));
        int last = part.LastIndexOf((byte)',');
        return last < 0 ? part : part[..(last + 1)];
    }
}
