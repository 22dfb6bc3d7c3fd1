using Diffusion.TestKit;
using Diffusion.Training;

namespace Diffusion.Reporting.Tests;

/// <summary>The metrics of long and growing runs.</summary>
public sealed class RunMetricsTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    [Fact]
    public void Each_refresh_adds_what_is_new_and_waits_for_the_end_of_a_line()
    {
        MetricsFile file = new(folder.Path);
        RunMetrics metrics = new(folder.Path);
        metrics.Refresh();
        metrics.Last.Should().BeNull();

        file.Report(Runs.Report(10, 1));
        metrics.Refresh();
        file.Report(Runs.Report(20, 0.5, heldOut: 0.6));
        string text = File.ReadAllText(Path);
        File.WriteAllText(Path, text[..^5]);
        metrics.Refresh();
        metrics.Last!.Step.Should().Be(10);

        File.WriteAllText(Path, text);
        metrics.Refresh();

        metrics.Points.Select(point => point.Step).Should().Equal(10, 20);
        metrics.HeldOut.Should().Equal(new LossPoint(20, 0.6));
        metrics.Last!.Loss.Should().Be(0.5);
        RunMetrics.ReadLast(folder.Path)!.Step.Should().Be(20);
    }

    [Fact]
    public void A_run_that_resumes_from_an_earlier_step_is_read_anew_even_if_its_file_has_grown()
    {
        MetricsFile file = new(folder.Path);
        Enumerable.Range(1, 5).ToList().ForEach(i => file.Report(Runs.Report(10 * i, i)));
        RunMetrics metrics = new(folder.Path);
        metrics.Refresh();

        file.CutAfter(20);
        Enumerable.Range(3, 6).ToList().ForEach(i => file.Report(Runs.Report(10 * i, 0.5)));
        metrics.Refresh();

        metrics.Points.Select(point => (point.Step, point.Loss)).Should().Equal(
            (10, 1), (20, 2), (30, 0.5), (40, 0.5), (50, 0.5), (60, 0.5), (70, 0.5), (80, 0.5));
    }

    [Fact]
    public void A_long_run_is_thinned_evenly_and_keeps_every_finding_held_out_loss_and_its_end()
    {
        HealthFinding finding = new(FindingKind.Plateau, 77_770, "seen", "meaning", "remedy");
        MetricsFile first = new(folder.Path);
        first.Report(Runs.Report(10, 1));
        string line = File.ReadAllText(Path);
        using (StreamWriter writer = new(Path))
        {
            for (long step = 10; step <= 200_000; step += 10)
            {
                writer.Write(line.Replace("\"step\":10,", $"\"step\":{step},", StringComparison.Ordinal));
            }
        }

        first.Report(Runs.Report(200_010, 0.25, heldOut: 0.3) with { Findings = [finding] });
        first.Report(Runs.Report(200_020, 0.125));
        RunMetrics metrics = new(folder.Path);
        metrics.Refresh();

        metrics.Points.Count.Should().BeInRange(2000, 4000);
        long gap = metrics.Points[1].Step - metrics.Points[0].Step;
        metrics.Points.Zip(metrics.Points.Skip(1), (a, b) => b.Step - a.Step).Should().OnlyContain(each => each == gap);
        metrics.HeldOut.Should().Equal(new LossPoint(200_010, 0.3));
        metrics.Findings.Should().ContainSingle().Which.Should().BeEquivalentTo(finding);
        (metrics.Last!.Step, metrics.Last.Loss).Should().Be((200_020, 0.125));
    }

    [Fact]
    public void Growing_beyond_the_limit_thins_what_was_read_before()
    {
        MetricsFile file = new(folder.Path);
        file.Report(Runs.Report(1, 1));
        string line = File.ReadAllText(Path);
        RunMetrics metrics = new(folder.Path);
        for (int part = 0; part < 3; part++)
        {
            string[] lines = [.. Enumerable.Range((3000 * part) + 2, 3000)
                .Select(step => line.Replace("\"step\":1,", $"\"step\":{step},", StringComparison.Ordinal))];
            File.AppendAllText(Path, string.Concat(lines));
            metrics.Refresh();
        }

        metrics.Points.Count.Should().BeInRange(2000, 4000);
        metrics.Points.Zip(metrics.Points.Skip(1), (a, b) => b.Step - a.Step).Distinct().Should().HaveCount(1);
    }

    public void Dispose() => folder.Dispose();

    private string Path => folder.File(MetricsFile.FileName);
}
