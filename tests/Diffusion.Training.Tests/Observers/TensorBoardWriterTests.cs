using Diffusion.TestKit;
using Tensorboard;

namespace Diffusion.Training.Tests.Observers;

public sealed class TensorBoardWriterTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly Clock clock = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Every_event_has_its_time_in_seconds_since_1970_and_the_first_is_the_version()
    {
        Writer().Report(Progress(10, loss: 0.5) with { HeldOutLoss = 0.25, HeldOutLossStep = 8 });

        IReadOnlyList<Event> events = TensorBoardFiles.Read(folder.Path);
        events.Should().OnlyContain(one => one.WallTime == 1_700_000_000.5);
        events[0].FileVersion.Should().Be("brain.Event:2");
        events.Skip(1).Should().OnlyContain(one => one.FileVersion == "");
        TensorBoardFiles.Shown(folder.Path, "loss/training").Should().Equal((10, 0.5f));
        TensorBoardFiles.Shown(folder.Path, "loss/held out").Should().Equal((8, 0.25f));
        Path.GetFileName(Directory.GetFiles(folder.Path).Single()).Should().StartWith("events.out.tfevents.1700000000.");
    }

    [Fact]
    public void A_resumed_run_says_from_which_step_it_goes_on_so_that_each_step_is_shown_once()
    {
        TensorBoardWriter first = Writer();
        Report(first, 10, 20, 30, 40, 50);
        TensorBoardWriter second = Writer(); // killed after step 50, resumed from the checkpoint of step 40
        second.Report(Progress(50, loss: 2));
        second.Report(Progress(60, loss: 2));

        Starts().Should().Equal(1, 41);
        TensorBoardFiles.Shown(folder.Path, "loss/training").Should().Equal((10, 1f), (20, 1f), (30, 1f), (40, 1f), (50, 2f), (60, 2f));
    }

    [Fact]
    public void A_run_that_goes_back_within_its_file_says_so()
    {
        TensorBoardWriter writer = Writer();
        Report(writer, 10, 20, 30, 40);
        writer.Report(Progress(30, steps: 5, loss: 2)); // back to the checkpoint of step 25
        writer.Report(Progress(40, loss: 2));

        Starts().Should().Equal(1, 26);
        TensorBoardFiles.Shown(folder.Path, "loss/training").Should().Equal((10, 1f), (20, 1f), (30, 2f), (40, 2f));
    }

    [Fact]
    public void A_run_that_begins_anew_in_the_folder_drops_the_one_before()
    {
        Report(Writer(), 10, 20, 30);
        Report(Writer(), 10, 20);

        TensorBoardFiles.Shown(folder.Path, "loss/training").Select(point => point.Step).Should().Equal(10, 20);
    }

    [Fact]
    public void A_report_without_a_number_of_steps_is_shown()
    {
        Writer().Report(Progress(1, steps: 0));
        TensorBoardFiles.Shown(folder.Path, "loss/training").Select(point => point.Step).Should().Equal(1);
    }

    [Fact]
    public void A_torn_record_hides_no_record_that_follows()
    {
        TensorBoardWriter killed = Writer();
        Report(killed, 10, 20);
        Tear(Directory.GetFiles(folder.Path).Single());
        TensorBoardWriter next = Writer();
        Report(next, 30);
        string file = Directory.GetFiles(folder.Path).Order(StringComparer.Ordinal).Last();
        Tear(file); // as a full disk leaves it, where it could not be taken back
        Report(next, 40);

        TensorBoardFiles.Shown(folder.Path, "loss/training").Select(point => point.Step).Should().Equal(10, 20, 30, 40);
    }

    [Fact]
    public void A_writer_that_could_not_write_says_later_from_which_step_it_went_on()
    {
        TensorBoardWriter first = Writer();
        Report(first, 10, 20, 30, 40);
        TensorBoardWriter second = Writer();
        string file = Directory.GetFiles(folder.Path).Order(StringComparer.Ordinal).Last();
        byte[] bytes = File.ReadAllBytes(file);
        File.Delete(file);
        Directory.CreateDirectory(file);
        second.Invoking(writer => writer.Report(Progress(20))).Should().Throw<Exception>(); // resumes from step 10
        Directory.Delete(file);
        File.WriteAllBytes(file, bytes);

        second.Report(Progress(30, loss: 2));

        TensorBoardFiles.Shown(folder.Path, "loss/training").Should().Equal((10, 1f), (30, 2f));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-3600)]
    public void A_later_file_is_read_after_an_earlier_one_whatever_the_clock_says(int seconds)
    {
        Report(Writer(), 10);
        clock.Now = clock.Now.AddSeconds(seconds);
        Report(Writer(), 20);
        Report(Writer(), 30);

        TensorBoardFiles.Read(folder.Path).Where(one => one.Summary is not null).Select(one => one.Step).Distinct().Should()
            .Equal(10, 20, 30);
    }

    [Fact]
    public void Steps_beyond_two_billion_and_values_that_are_no_numbers_are_written()
    {
        Writer().Report(Progress(5_000_000_000, loss: double.NaN));
        (long step, float value) = TensorBoardFiles.Shown(folder.Path, "loss/training").Should().ContainSingle().Which;
        step.Should().Be(5_000_000_000);
        float.IsNaN(value).Should().BeTrue();
    }

    [Fact]
    public void Findings_are_texts_at_their_step()
    {
        HealthFinding finding = new(FindingKind.Diverged, 12, "Seen.", "Meaning.", "Remedy ü.");
        Writer().Report(Progress(20) with { Findings = [finding] });

        Event text = TensorBoardFiles.Read(folder.Path).Single(one => one.Summary?.Value.Any(value => value.Tensor is not null) == true);
        text.Step.Should().Be(12);
        Summary.Types.Value written = text.Summary.Value.Single();
        written.Tag.Should().Be("findings/Diverged/text_summary");
        written.Metadata.PluginData.PluginName.Should().Be("text");
        written.Tensor.StringVal.Single().ToStringUtf8().Should().Be("Seen. Meaning. Remedy ü.");
    }

    [Fact]
    public void A_relative_folder_stays_where_it_was_when_the_working_folder_changes()
    {
        string before = Environment.CurrentDirectory;
        try
        {
            Environment.CurrentDirectory = folder.Path;
            TensorBoardWriter writer = new("board", clock);
            Environment.CurrentDirectory = before;
            Report(writer, 10);
        }
        finally
        {
            Environment.CurrentDirectory = before;
        }

        TensorBoardFiles.Shown(Path.Combine(folder.Path, "board"), "loss/training").Should().ContainSingle();
    }

    private static void Tear(string file)
    {
        byte[] bytes = File.ReadAllBytes(file);
        File.WriteAllBytes(file, [.. bytes, .. bytes[..37]]);
    }

    private static void Report(TensorBoardWriter writer, params ReadOnlySpan<long> steps)
    {
        foreach (long step in steps)
        {
            writer.Report(Progress(step));
        }
    }

    private static TrainingProgress Progress(long step, long steps = 10, double loss = 1) => new()
    {
        Step = step,
        StepsReported = steps,
        Steps = 100,
        ImagesSeen = step,
        Loss = loss,
        GradientNorm = 1,
        LearningRate = 1,
        EmaDecay = null,
        ImagesPerSecond = 1,
        Elapsed = TimeSpan.Zero,
        Remaining = TimeSpan.Zero,
    };

    private TensorBoardWriter Writer() => new(folder.Path, clock);

    private long[] Starts() =>
        [.. TensorBoardFiles.Read(folder.Path).Where(one => one.SessionLog?.Status == SessionLog.Types.SessionStatus.Start)
            .Select(one => one.Step)];

    private sealed class Clock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_500);

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
