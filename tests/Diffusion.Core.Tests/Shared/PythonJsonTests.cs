using System.Text;
using System.Text.Json;

namespace Diffusion.Core.Tests.Shared;

public sealed class PythonJsonTests
{
    public static TheoryData<string> EncodingsWithMarks => ["utf-8", "utf-16", "utf-16BE", "utf-32", "utf-32BE"];

    [Fact]
    public void Numbers_that_are_not_finite_are_read_as_numbers_that_are_not_finite()
    {
        using JsonDocument document = PythonJson.Parse("""{"a": NaN, "b": -Infinity, "c": [Infinity,NaN], "d":NaN}""");
        JsonElement root = document.RootElement;
        foreach (JsonElement value in (JsonElement[])[root.GetProperty("a"), root.GetProperty("b"), .. root.GetProperty("c")
            .EnumerateArray(), root.GetProperty("d")])
        {
            value.ValueKind.Should().Be(JsonValueKind.Number);
            double.IsFinite(value.GetDouble()).Should().BeFalse();
            value.TryGetInt64(out _).Should().BeFalse("no label and no size may be made of it");
        }

        root.GetProperty("b").GetDouble().Should().Be(double.NegativeInfinity);
        root.GetProperty("c")[0].GetDouble().Should().Be(double.PositiveInfinity);
    }

    [Fact]
    public void A_message_shows_what_the_file_says()
    {
        using JsonDocument document = PythonJson.Parse("""{"a": [NaN, -Infinity, Infinity, 1]}""");
        PythonJson.RawText(document.RootElement.GetProperty("a")).Should().Be("[NaN, -Infinity, Infinity, 1]");
    }

    [Theory]
    [InlineData("""{"NaN": "a NaN, \\"}""", "NaN", "a NaN, \\")]
    [InlineData("""{"a": "\": NaN, \"", "b": Infinity}""", "a", "\": NaN, \"")]
    public void Strings_stay_as_they_are(string json, string name, string value)
    {
        using JsonDocument document = PythonJson.Parse(json);
        document.RootElement.GetProperty(name).GetString().Should().Be(value);
    }

    [Theory]
    [InlineData("{NaN: 1}")]
    [InlineData("""{"a": -NaN}""")]
    [InlineData("""{"a": 1NaN}""")]
    [InlineData("""{"a": NaNs}""")]
    [InlineData("""{"a": nan}""")]
    [InlineData("""{"a": +Infinity}""")]
    [InlineData("""{"a": 1 NaN}""")]
    [InlineData("\uD800")]
    public void What_Python_refuses_is_refused(string json) =>
        ((Action)(() => PythonJson.Parse(json).Dispose())).Should().Throw<JsonException>();

    [Theory]
    [MemberData(nameof(EncodingsWithMarks))]
    public void A_file_may_begin_with_a_byte_order_mark(string encodingName)
    {
        Encoding encoding = Encoding.GetEncoding(encodingName);
        byte[] file = [.. encoding.GetPreamble(), .. encoding.GetBytes("""{"label": 3, "of": "Ö"}""")];
        file.Length.Should().BeGreaterThan(encoding.GetByteCount("""{"label": 3, "of": "Ö"}"""), "it has a mark");
        using JsonDocument document = PythonJson.Parse(file);
        document.RootElement.GetProperty("label").GetInt32().Should().Be(3);
        document.RootElement.GetProperty("of").GetString().Should().Be("Ö");
        PythonJson.Decode(file).Should().Be("""{"label": 3, "of": "Ö"}""");
    }

    [Fact]
    public void A_text_may_begin_with_a_byte_order_mark()
    {
        using JsonDocument document = PythonJson.Parse("\uFEFF[1]");
        document.RootElement[0].GetInt32().Should().Be(1);
    }
}
