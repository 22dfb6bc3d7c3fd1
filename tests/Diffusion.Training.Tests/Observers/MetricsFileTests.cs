using System.Text.Json;
using Diffusion.TestKit;

namespace Diffusion.Training.Tests.Observers;

public sealed class MetricsFileTests
{
    [Fact]
    public void A_run_that_goes_on_leaves_no_line_twice_and_no_broken_line()
    {
        using TemporaryFolder folder = new();
        MetricsFile metrics = new(folder.Path);
        foreach (long step in (long[])[5, 10, 15])
        {
            metrics.Report(Progress(step));
        }

        string file = folder.File(MetricsFile.FileName);
        File.AppendAllText(file, "{\"step\":20,\"ste");
        metrics.CutAfter(10);
        metrics.Report(Progress(12));

        File.ReadAllLines(file).Select(line => JsonDocument.Parse(line).RootElement.GetProperty("step").GetInt64()).Should().Equal(5, 10, 12);
    }

    [Fact]
    public void A_loss_that_is_no_number_is_still_a_line_of_json()
    {
        using TemporaryFolder folder = new();
        new MetricsFile(folder.Path).Report(Progress(1) with { Loss = double.NaN });
        File.ReadAllText(folder.File(MetricsFile.FileName)).Should().Contain("\"loss\":\"NaN\"");
    }

    private static TrainingProgress Progress(long step) => new()
    {
        Step = step,
        Steps = 100,
        ImagesSeen = step,
        Loss = 1,
        GradientNorm = 1,
        LearningRate = 1,
        EmaDecay = null,
        ImagesPerSecond = 1,
        Elapsed = TimeSpan.Zero,
        Remaining = TimeSpan.Zero,
    };
}
