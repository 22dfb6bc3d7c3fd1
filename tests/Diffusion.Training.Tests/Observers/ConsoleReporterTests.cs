using Diffusion.TestKit;

namespace Diffusion.Training.Tests.Observers;

public sealed class ConsoleReporterTests
{
    private static readonly HealthFinding Finding = new(FindingKind.SlowData, 30, "Half the time is spent waiting.", "Images come slowly.",
        "Raise Workers.");

    [Fact]
    public void A_line_says_step_loss_rate_speed_and_time_left_in_every_culture()
    {
        System.Globalization.CultureInfo before = System.Globalization.CultureInfo.CurrentCulture;
        try
        {
            System.Globalization.CultureInfo.CurrentCulture = System.Globalization.CultureInfo.GetCultureInfo("de-DE");
            Print(reporter => reporter.Report(At(1200, seconds: 60))).Should()
                .Equal("step 1,200/20,000  loss 0.0321  rate 2e-4  36.5 images/s  4 h 30 min left");
            Print(reporter => reporter.Report(At(1200, seconds: 60) with
            {
                HeldOutLoss = 0.04, SkippedSteps = 2, OverflowedSteps = 4, BadImages = 3,
            })).Should()
                .Equal(
                "step 1,200/20,000  loss 0.0321  held out 0.0400  rate 2e-4  skipped 2  overflowed 4  bad images 3  36.5 images/s  "
                    + "4 h 30 min left");
        }
        finally
        {
            System.Globalization.CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    public void The_first_report_the_last_and_one_every_ten_seconds_are_printed_and_a_second_call_of_Run_begins_anew()
    {
        Steps(Print(reporter =>
        {
            foreach ((long step, double seconds) in new[] { (10L, 4.0), (20, 9), (30, 13.9), (40, 14), (50, 23), (20_000, 24), (20_010, 3),
                (20_020, 8) })
            {
                reporter.Report(At(step, seconds));
            }
        })).Should().Equal("10", "40", "20,000", "20,010");
    }

    [Fact]
    public void Findings_come_at_once_each_of_them_once_and_those_that_no_report_holds_too()
    {
        HealthFinding late = Finding with { Step = 99 };
        string[] lines = Print(reporter =>
        {
            reporter.Report(At(10, seconds: 1));
            reporter.Report(At(30, seconds: 2) with { Findings = [Finding] });
            reporter.Report(Finding);
            reporter.Report(late);
        });

        lines.Skip(1).Should().Equal(Finding.ToString(), late.ToString());
    }

    [Fact]
    public void A_run_is_told_by_one_call_with_an_object_or_with_a_function()
    {
        StringWriter output = new();
        List<long> steps = [];
        List<HealthFinding> findings = [];
        using TinyModel model = new();
        using StripedImages images = new();
        using Trainer trainer = Trainer.For(model).UseDevice(ComputeDevice.Cpu(threads: 1)).UseData(images)
            .ReportTo(new ConsoleReporter(output: output))
            .ReportTo(progress => steps.Add(progress.Step))
            .ReportFindingsTo(findings.Add)
            .AddPreview(10, _ => throw new InvalidOperationException("a preview's own mistake"))
            .Configure(o => (o.Steps, o.BatchSize, o.ReportEverySteps) = (20, 4, 10))
            .Build();

        trainer.Run(TestContext.Current.CancellationToken);

        steps.Should().Equal(10, 20);
        output.ToString().Should().StartWith("step 10/20  loss ").And.Contain("step 20/20  loss ").And.Contain("a preview's own mistake");
        findings.Should().ContainSingle().Which.Kind.Should().Be(FindingKind.CallbackFailed);
    }

    private static TrainingProgress At(long step, double seconds) => new()
    {
        Step = step,
        Steps = 20_000,
        ImagesSeen = step * 32,
        Loss = 0.0321,
        GradientNorm = 1,
        LearningRate = 2e-4,
        EmaDecay = null,
        ImagesPerSecond = 36.5,
        Elapsed = TimeSpan.FromSeconds(seconds),
        Remaining = TimeSpan.FromHours(4.5),
    };

    private static string[] Print(Action<ConsoleReporter> report)
    {
        StringWriter output = new();
        report(new ConsoleReporter(output: output));
        return output.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);
    }

    private static IEnumerable<string> Steps(IEnumerable<string> lines) => lines.Select(line => line.Split(' ')[1].Split('/')[0]);
}
