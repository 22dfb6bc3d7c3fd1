using System.Globalization;
using System.Text.Json;
using System.Xml.Linq;
using Diffusion.TestKit;

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
        JsonDocument.Parse(Cancelled().ToJson()).RootElement.GetProperty("startLoss").GetString().Should().Be("NaN");
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
        Cancelled().ToTable().Should().StartWith("    rate      loss  smoothed   0 of 0 rates shown; the sweep was cancelled");
    }

    [Fact]
    public void Svg_is_well_formed_and_labelled()
    {
        XElement svg = XDocument.Parse(Range.ToSvg()).Root!;
        svg.Name.LocalName.Should().Be("svg");
        string[] texts = [.. svg.Elements().Where(element => element.Name.LocalName == "text").Select(element => element.Value)];
        texts.Should().Contain(["loss by learning rate", "1e-7", "1e-6", "1e-5", "1e-4", "1e-3", "1e-2", "measured", "smoothed",
            $"tenth of lowest {LrRangeText.Rate(Range.Suggestion.LearningRate!.Value)}", "every rate was tried"]);
        texts.Should().Contain(text => text.StartsWith("steepest ")).And.Contain(text => text.StartsWith("valley ")).And.Contain(
            text => text.StartsWith("slide"));
        svg.Elements().Count(element => element.Name.LocalName == "polyline" && element.Attribute("points")!.Value.Split(' ').Length == 200)
            .Should().Be(2);
        XDocument.Parse(Cancelled().ToSvg()).Root!.Value.Should().Contain("no curve");
    }

    [Fact]
    public void Png_shows_the_curve_the_suggestion_and_the_labels()
    {
        using TemporaryFolder folder = new();
        string path = Path.Combine(folder.Path, "new", "lr.png");
        Range.SavePng(path);
        DecodedImage image = ImageCodec.Decode(path);
        (image.Width, image.Height).Should().Be((LrPlot.Width, LrPlot.Height));

        // The smoothed curve of the SVG is there, pixel by pixel.
        string[] points = XDocument.Parse(Range.ToSvg()).Root!.Elements().Where(element => element.Name.LocalName == "polyline")
            .Select(element => element.Attribute("points")!.Value.Split(' ')).Last(places => places.Length == 200);
        foreach (string point in points)
        {
            double[] place = [.. point.Split(',').Select(number => double.Parse(number, CultureInfo.InvariantCulture))];
            Brightness(image, (int)place[0], (int)place[1]).Should().BeLessThan(500, point);
        }

        for (int decade = 0; decade < 6; decade++)
        {
            int x = 90 + (decade * 120);
            int inked = Enumerable.Range(498, 20)
                .Sum(y => Enumerable.Range(x - 24, 48).Count(column => Brightness(image, column, y) < 200));
            inked.Should().BeGreaterThan(60, $"decade {decade} is labelled");
        }

        Cancelled().SavePng(path);
    }

    [Theory]
    [InlineData(1e-7, 1e-2, "1e-7 1e-6 1e-5 1e-4 1e-3 1e-2")]
    [InlineData(0.19, 2.2, "2e-1 5e-1 1e0 2e0")]
    [InlineData(0.9, 1.1, "9e-1 9.5e-1 1e0 1.1e0 1.1e0")]
    public void An_axis_has_a_few_labels_whatever_it_spans(double least, double most, string labels) =>
        string.Join(' ', new PlotAxis(least, most, 0, 100).Labelled.Select(LrRangeText.Rate)).Should().Be(labels);

    [Fact]
    public void Every_sign_of_a_plot_can_be_drawn()
    {
        LrRange[] ranges =
        [
            Range, Cancelled(), Of(rate => 1e-3 / rate), Of(_ => 0.5), Of(rate => 1 + rate),
            Range with { End = LrRangeEnd.Diverged, EndedAt = 3.14e-3 }, Range with { End = LrRangeEnd.NotFinite, EndedAt = 2e-6 },
        ];
        foreach (LrRange range in ranges)
        {
            BitmapCanvas canvas = new(LrPlot.Width, LrPlot.Height);
            FluentActions.Invoking(() => LrPlot.Draw(range, canvas)).Should().NotThrow(range.Advice);
        }

        FluentActions.Invoking(() => PixelFont.DotsOf('Q')).Should().Throw<ArgumentOutOfRangeException>().WithMessage("'Q' is not drawn*");
    }

    private static int Brightness(DecodedImage image, int x, int y) =>
        Enumerable.Range(0, 3).Sum(channel => image.Pixels[(((y * image.Width) + x) * 3) + channel]);

    private static LrRange Cancelled() => LrRangeReading.Of([], double.NaN, LrRangeEnd.Cancelled, Options);

    private static LrRange Of(Func<double, double> loss) =>
        LrRangeReading.Of([.. Enumerable.Range(0, Options.Steps).Select(step => loss(Options.RateAt(step)))], 1, LrRangeEnd.Completed,
            Options);
}
