using System.Globalization;
using System.Text.Json;

namespace Diffusion.Training.Tests.Tuning.LearningRates;

public sealed class LrRangeOutputTests
{
    private static readonly LrRangeOptions Options = new();
    private static readonly LrRange Range = Of(rate => 0.2 + (0.2 * Math.Pow(Math.Log10(rate) + 3.3, 2)));

    [Fact]
    public void Csv_holds_every_point()
    {
        string[] lines = Range.ToCsv().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        lines[0].Should().Be("learning_rate,loss,smoothed");
        lines.Skip(1).Select(line => line.Split(',').Select(number => double.Parse(number, CultureInfo.InvariantCulture)).ToArray())
            .Select(numbers => new LrRangePoint(numbers[0], numbers[1], numbers[2])).Should().Equal(Range.Points);
    }

    [Fact]
    public void Json_holds_points_suggestions_and_advice()
    {
        using JsonDocument json = JsonDocument.Parse(Range.ToJson());
        json.RootElement.GetProperty("points").EnumerateArray().Select(point => new LrRangePoint(
            point.GetProperty("learningRate").GetDouble(), point.GetProperty("loss").GetDouble(), point.GetProperty("smoothed")
                .GetDouble())).Should().Equal(Range.Points);
        json.RootElement.GetProperty("end").GetString().Should().Be("Completed");
        json.RootElement.GetProperty("endedAt").ValueKind.Should().Be(JsonValueKind.Null);
        json.RootElement.GetProperty("advice").GetString().Should().Be(Range.Advice);
        JsonElement first = json.RootElement.GetProperty("suggestions")[0];
        first.GetProperty("rule").GetString().Should().Be("TenthOfLowest");
        first.GetProperty("learningRate").GetDouble().Should().Be(Range.Suggestion.LearningRate);
        JsonDocument.Parse(Canceled().ToJson()).RootElement.GetProperty("startLoss").GetString().Should().Be("NaN");
    }

    [Fact]
    public void The_table_shows_some_rates_and_every_suggestion()
    {
        string[] lines = Range.ToTable().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        lines.Should().HaveCount(1 + 20 + 4);
        lines[0].Should().Be("    rate      loss  smoothed   20 of 200 rates shown; every rate was tried");
        lines[1].Should().StartWith("    1e-7    2.9380");
        lines[20].Should().StartWith("    1e-2    0.5380");
        lines[21].Should().Be($"TenthOfLowest   {Range.Suggestion}");
        lines[^1].Should().StartWith("Slide ");
        Canceled().ToTable().Should().StartWith("    rate      loss  smoothed   0 of 0 rates shown; the sweep was canceled");
    }

    private static LrRange Canceled() => LrRangeReading.Of([], double.NaN, LrRangeEnd.Canceled, Options);

    private static LrRange Of(Func<double, double> loss) =>
        LrRangeReading.Of([.. Enumerable.Range(0, Options.Steps).Select(step => loss(Options.RateAt(step)))], 1, LrRangeEnd.Completed,
            Options);
}
