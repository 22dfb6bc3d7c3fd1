using Diffusion.TestKit;
using Diffusion.Training;

namespace Diffusion.Reporting.Tests;

public sealed class LrRangePlotTests : IDisposable
{
    private const string Measured = "#96AAC8";
    private const string Smoothed = "#1446A0";
    private const string Suggestion = "#C81E1E";

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Both_curves_lie_on_logarithmic_axes()
    {
        SvgPlot plot = Svg(Runs.Range);

        (plot.Width, plot.Height).Should().Be(("1000", "600"));
        LogAxes.ShouldHold(plot.Path(Smoothed), [.. Runs.Range.Points.Select(point => (Math.Log(point.LearningRate), point.Smoothed))]);
        LogAxes.ShouldHold(plot.Path(Measured), [.. Runs.Range.Points.Select(point => (Math.Log(point.LearningRate), point.Loss))]);
    }

    [Fact]
    public void The_suggestion_is_a_line_at_its_rate_and_the_legend_names_what_each_rule_says()
    {
        SvgPlot plot = Svg(Runs.Range);

        plot.Path(Suggestion)[0].X.Should().BeApproximately(XOf(plot, Runs.Range.Suggestion.LearningRate!.Value), 0.1);
        plot.Texts.Should().ContainInOrder(
            "measured", "smoothed", "tenth of lowest: 5e-5", "steepest descent: 2e-6", "valley: 1.4e-5", "slide: none");
    }

    [Fact]
    public void Axes_and_title_are_labeled()
    {
        SvgPlot plot = Svg(Runs.Range with { End = LrRangeEnd.Diverged, EndedAt = 3.14e-3 });

        plot.Texts.Should().Contain(["learning rate", "loss", "1e-7", "1e-6", "1e-5", "1e-4", "1e-3", "1e-2", "0.2", "0.5", "1", "2"]);
        plot.Texts.Should().Contain("Loss by learning rate: the loss was ten times the first at 3.1e-3");
    }

    [Fact]
    public void A_PNG_shows_the_same_curve_pixel_by_pixel_and_the_labels()
    {
        string path = folder.File("lr.PNG");
        Runs.Range.SavePlot(path);

        DecodedImage image = ImageCodec.Decode(path);
        (image.Width, image.Height).Should().Be((1000, 600));
        SvgPlot plot = Svg(Runs.Range);
        foreach ((double x, double y) in plot.Path(Smoothed).Skip(1).SkipLast(1))
        {
            (byte red, byte green, byte blue) = image.At((int)x, (int)y);
            (red < 220 && (blue > red || red > green)).Should().BeTrue($"the curve, or the suggestion over it, is at {x}, {y}");
        }

        foreach (double decade in (double[])[1e-6, 1e-5, 1e-4, 1e-3])
        {
            int x = (int)XOf(plot, decade);
            int dark = Enumerable.Range(555, 16).Sum(y => Enumerable.Range(x - 20, 40).Count(column => image.At(column, y).Red < 128));
            dark.Should().BeInRange(40, 200, $"{decade} is written below the axis");
        }
    }

    [Fact]
    public void A_sweep_that_measured_nothing_gives_a_picture_that_says_so()
    {
        LrRange canceled = Runs.Range with { Points = [], Suggestions = [], End = LrRangeEnd.Canceled };
        Svg(canceled).Texts.Should().Equal("No curve: the sweep was canceled.");
    }

    [Fact]
    public void Losses_that_have_no_logarithm_are_left_out()
    {
        LrRange range = Runs.Range with { Points = [.. Runs.Range.Points.Select((point, i) => i == 7 ? point with { Loss = 0 } : point)] };
        Svg(range).Path(Smoothed).Should().HaveCount(199);
    }

    private static double XOf(SvgPlot plot, double rate)
    {
        IReadOnlyList<(double X, double Y)> curve = plot.Path(Smoothed);
        return curve[0].X + ((curve[^1].X - curve[0].X) * Math.Log(rate / 1e-7) / Math.Log(1e5));
    }

    private SvgPlot Svg(LrRange range)
    {
        string path = folder.File("lr.svg");
        range.SavePlot(path);
        return new SvgPlot(path);
    }
}
