using Diffusion.TestKit;
using Diffusion.Training;

namespace Diffusion.Reporting.Tests;

public sealed class LossCurveTests : IDisposable
{
    private const string Training = "#96AAC8";
    private const string Smoothed = "#1446A0";
    private const string HeldOut = "#C81E1E";

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_run_folder_gives_the_losses_that_its_metrics_hold()
    {
        MetricsFile metrics = new(folder.Path);
        TrainingProgress[] reports =
        [
            Runs.Report(10, 1), Runs.Report(20, double.NaN), Runs.Report(30, 0.5, heldOut: 0.6), Runs.Report(40, 0.4, double.NaN),
            Runs.Report(50, 0.25) with { HeldOutLoss = 0.3, HeldOutLossStep = 48 },
        ];
        Array.ForEach(reports, metrics.Report);
        File.AppendAllText(folder.File(MetricsFile.FileName), "{\"step\":60,\"lo");

        LossCurve curve = LossCurve.FromRun(folder.Path);

        curve.Training.Should().Equal(new LossPoint(10, 1), new LossPoint(30, 0.5), new LossPoint(40, 0.4), new LossPoint(50, 0.25));
        curve.HeldOut.Should().Equal(new LossPoint(30, 0.6), new LossPoint(48, 0.3));
    }

    [Fact]
    public void A_folder_without_metrics_is_refused_by_name_with_the_remedy() =>
        FluentActions.Invoking(() => LossCurve.FromRun(folder.Path)).Should().Throw<FileNotFoundException>()
            .WithMessage($"The folder '{folder.Path}' has no metrics.jsonl. Use the folder that was passed to UseCheckpoints*");

    [Fact]
    public void Smoothing_removes_noise_and_follows_the_fall_without_lag()
    {
        LossCurve curve = LossCurve.FromReports(Runs.Reports);

        foreach ((int i, LossPoint point) in curve.Smoothed.Index().Skip(100))
        {
            double noiseless = 0.05 + (0.95 * Math.Exp(-(i + 1) / 150.0));
            (point.Loss / noiseless).Should().BeInRange(0.93, 1.07, $"of report {i}; the noise is a tenth either way");
        }

        curve.Smoothed.Select(point => point.Step).Should().Equal(curve.Training.Select(point => point.Step));
    }

    [Fact]
    public void The_curves_lie_over_the_steps_on_a_logarithmic_axis()
    {
        LossCurve curve = LossCurve.FromReports(Runs.Reports);
        SvgPlot plot = Svg(curve);

        LogAxes.ShouldHold(plot.Path(Training), Values(curve.Training));
        LogAxes.ShouldHold(plot.Path(Smoothed), Values(curve.Smoothed));
        LogAxes.ShouldHold(plot.Path(HeldOut), Values(curve.HeldOut));

        static (double, double)[] Values(IEnumerable<LossPoint> points) => [.. points.Select(point => ((double)point.Step, point.Loss))];
    }

    [Fact]
    public void Axes_are_labeled_and_the_legend_names_the_lowest_held_out_loss()
    {
        LossCurve curve = LossCurve.FromReports(Runs.Reports);
        SvgPlot plot = Svg(curve);

        plot.Texts.Should().Contain(["Loss by step", "optimizer step", "loss", "0", "10,000", "20,000", "0.05", "0.1", "0.5", "1"]);
        plot.Texts.Should().ContainInOrder("training", "training, smoothed", "held out, lowest 0.055 at step 15,000");
        Svg(LossCurve.FromReports([Runs.Report(1, 1), Runs.Report(2, 0.5)])).Texts.Should().NotContain(text => text.StartsWith("held out"));
    }

    [Fact]
    public void A_PNG_shows_the_smoothed_curve_pixel_by_pixel()
    {
        LossCurve curve = LossCurve.FromReports(Runs.Reports.Select(report => report with { HeldOutLoss = null }));
        curve.SavePlot(folder.File("loss.png"));

        DecodedImage image = ImageCodec.Decode(folder.File("loss.png"));
        (image.Width, image.Height).Should().Be((1000, 600));
        foreach ((double x, double y) in Svg(curve).Path(Smoothed).Skip(5).SkipLast(5))
        {
            (byte red, byte green, byte blue) = image.At((int)x, (int)y);
            (red < 120 && green < 150 && blue > 120).Should().BeTrue($"the curve is at {x}, {y}, not {red}, {green}, {blue}");
        }
    }

    [Fact]
    public void A_single_report_is_a_dot_and_none_is_a_sentence()
    {
        LossCurve.FromReports([Runs.Report(3, 0.5)]).SavePlot(folder.File("one.png"));
        DecodedImage image = ImageCodec.Decode(folder.File("one.png"));
        Enumerable.Range(0, 600).Sum(y => Enumerable.Range(900, 100).Count(x => image.At(x, y) == (150, 170, 200))).Should()
            .BeGreaterThan(10);

        Svg(LossCurve.FromReports([Runs.Report(3, double.NaN)])).Texts.Should().Equal("No loss: no step with a finite loss was reported.");
    }

    private SvgPlot Svg(LossCurve curve)
    {
        string path = folder.File("loss.svg");
        curve.SavePlot(path);
        return new SvgPlot(path);
    }
}
