using System.Text.Json;
using Diffusion.Data;
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

        Steps(file).Should().Equal(5, 10, 12);
    }

    public static TheoryData<string, long[]> Ends => new()
    {
        { "{\"step\":8,\"steps\":100,\"imagesSe", [5, 100] }, // a full disk, or a kill
        { "{", [5, 100] },
        { new string('\0', 5000), [5, 100] }, // a power failure
        { $"{{\"step\":8,\"note\":\"{new string('x', 10_000)}", [5, 100] },
        { "half of another tool's line\n{\"st", [5, 100] },
    };

    [Theory]
    [MemberData(nameof(Ends))]
    public void A_torn_end_spoils_no_line_that_follows(string torn, long[] steps)
    {
        using TemporaryFolder folder = new();
        MetricsFile metrics = new(folder.Path);
        metrics.Report(Progress(5));
        string file = folder.File(MetricsFile.FileName);
        File.AppendAllText(file, torn);

        metrics.Report(Progress(100)); // the same process, and as well another one:
        new MetricsFile(folder.Path).Report(Progress(101));

        Steps(file).Should().Equal([.. steps, 101]);
        metrics.CutAfter(100);
        Steps(file).Should().Equal(steps);
    }

    [Fact]
    public void A_last_line_that_lacks_only_its_line_break_is_kept()
    {
        using TemporaryFolder folder = new();
        MetricsFile metrics = new(folder.Path);
        metrics.Report(Progress(5));
        string file = folder.File(MetricsFile.FileName);
        File.WriteAllText(file, File.ReadAllText(file).TrimEnd());

        metrics.Report(Progress(6));

        Steps(file).Should().Equal(5, 6);
    }

    [Fact]
    public void A_torn_end_alone_in_the_file_goes()
    {
        using TemporaryFolder folder = new();
        string file = folder.File(BadImageFile.FileName);
        File.WriteAllText(file, "{\"pos");
        new BadImageFile(folder.Path).Add(new BadImage(7, 3, "photo 3", "the image is truncated.", null));

        JsonDocument.Parse(File.ReadAllLines(file).Should().ContainSingle().Which).RootElement.GetProperty("position").GetInt64().Should()
            .Be(7);
    }

    [Fact]
    public void A_file_that_is_a_link_stays_one_and_what_it_points_at_is_replaced()
    {
        using TemporaryFolder folder = new();
        string target = folder.File("shared", "all.jsonl");
        string own = folder.File("run", MetricsFile.FileName);
        File.CreateSymbolicLink(own, target);
        MetricsFile metrics = new(folder.File("run"));
        metrics.Report(Progress(5));
        metrics.Report(Progress(10));

        metrics.CutAfter(5);

        new FileInfo(own).LinkTarget.Should().Be(target);
        Steps(target).Should().Equal(5);
    }

    [Fact]
    public void Reading_gives_the_whole_reports_and_passes_over_the_rest()
    {
        using TemporaryFolder folder = new();
        MetricsFile metrics = new(folder.Path);
        metrics.Report(Progress(5) with { HeldOutLoss = 0.5, HeldOutLossStep = 4 });
        File.AppendAllText(folder.File(MetricsFile.FileName), "another tool's line\n");
        metrics.Report(Progress(10) with { Loss = double.NaN });
        File.AppendAllText(folder.File(MetricsFile.FileName), "{\"step\":15,\"lo");

        MetricsFile.Read(folder.Path).Select(report => (report.Step, report.Loss, report.HeldOutLoss, report.HeldOutLossStep)).Should()
            .Equal((5, 1, 0.5, 4), (10, double.NaN, null, null));
    }

    [Fact]
    public void A_folder_without_metrics_is_named_with_the_remedy()
    {
        using TemporaryFolder folder = new();
        FluentActions.Invoking(() => MetricsFile.Read(folder.Path)).Should().Throw<FileNotFoundException>()
            .WithMessage($"The folder '{folder.Path}' has no metrics.jsonl. Use the folder that was passed to UseCheckpoints*");
    }

    [Fact]
    public void A_loss_that_is_no_number_is_still_a_line_of_json()
    {
        using TemporaryFolder folder = new();
        new MetricsFile(folder.Path).Report(Progress(1) with { Loss = double.NaN });
        File.ReadAllText(folder.File(MetricsFile.FileName)).Should().Contain("\"loss\":\"NaN\"");
    }

    private static long[] Steps(string file) =>
        [.. File.ReadAllLines(file).Where(line => line.StartsWith('{'))
            .Select(line => JsonDocument.Parse(line).RootElement.GetProperty("step").GetInt64())];

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
