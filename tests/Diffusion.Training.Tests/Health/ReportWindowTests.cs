namespace Diffusion.Training.Tests.Health;

/// <summary>Reports of few steps, which are joined before they are looked at.</summary>
public sealed class ReportWindowTests
{
    private static readonly double[] Losses = [0.3, 0.1, 0.25, 0.4, 0.2, 0.15, 0.35];

    [Fact]
    public void Reports_of_one_step_join_to_what_one_report_of_all_would_have_said()
    {
        TrainingProgress joined = Losses.Select((loss, i) => One(i + 1, loss)).Aggregate(ReportWindow.Join);
        double mean = Losses.Average();

        joined.StepsReported.Should().Be(7);
        joined.Step.Should().Be(7);
        joined.Loss.Should().BeApproximately(mean, 1e-12);
        joined.LossDeviation.Should().BeApproximately(Math.Sqrt(Losses.Sum(loss => (loss - mean) * (loss - mean)) / 6), 1e-12);
        joined.MeanGradientNorm.Should().BeApproximately(10 * mean, 1e-12);
        joined.MaxGradientNorm.Should().Be(4);
        joined.ClippedShare.Should().BeApproximately(1.0 / 7, 1e-12);
        joined.RelativeLossByLogSnr.Should()
            .Equal([joined.RelativeLossByLogSnr[0], 0.5], "no timestep of the other reports fell into the second part");
    }

    [Fact]
    public void Reports_of_which_all_steps_were_skipped_say_nothing_but_that()
    {
        TrainingProgress skipped = One(2, double.NaN) with { FirstSkippedStep = 2, SkippedSteps = 1, LiveTensors = 77 };
        TrainingProgress after = ReportWindow.Join(One(1, 0.3), skipped);
        (after.Loss, after.FirstSkippedStep, after.SkippedSteps, after.Step, after.LiveTensors).Should().Be((0.3, 2L, 1L, 2L, 77L));
        TrainingProgress before = ReportWindow.Join(skipped, One(3, 0.4));
        (before.Loss, before.FirstSkippedStep, before.Step).Should().Be((0.4, 2L, 3L));
        double.IsNaN(ReportWindow.Join(skipped, skipped).Loss).Should().BeTrue();
    }

    [Fact]
    public void Reports_of_one_step_swing_without_a_finding_and_a_divergence_among_them_is_found()
    {
        Random noise = new(1);
        SyntheticRun run = new(every: 1);
        for (int i = 0; i < 400; i++)
        {
            run.Report(0.1 * (1 + noise.NextDouble()), report => report with { StepsReported = 1, StepsOfLoss = 1, LossDeviation = 0 });
        }

        run.Found.Should().BeEmpty();
        run.Reports(40, 0.9,
            report => report with { StepsReported = 1, StepsOfLoss = 1, LossDeviation = 0, RelativeLossByLogSnr = [1, 0.9, 0.5, 0.1] });
        run.Kinds.Should().Equal(FindingKind.Diverged);
    }

    [Fact]
    public void A_skipped_step_is_said_at_once()
    {
        SyntheticRun run = new SyntheticRun(every: 1).Reports(3, 0.1, report => report with { StepsReported = 1 });
        run.Report(0.1, report => report with { StepsReported = 1, FirstSkippedStep = 4, SkippedSteps = 1 });
        run.Found.Should().ContainSingle().Which.Step.Should().Be(4);
    }

    internal static TrainingProgress One(long step, double loss) => new()
    {
        Step = step,
        Steps = 100,
        ImagesSeen = step,
        Loss = loss,
        GradientNorm = 1,
        LearningRate = 1e-4,
        EmaDecay = null,
        ImagesPerSecond = 1,
        Elapsed = TimeSpan.Zero,
        Remaining = TimeSpan.Zero,
        StepsReported = 1,
        StepsOfLoss = double.IsNaN(loss) ? 0 : 1,
        RelativeLoss = loss,
        RelativeLossByLogSnr = [loss, loss == 0.4 ? 0.5 : double.NaN],
        MeanGradientNorm = 10 * loss,
        MaxGradientNorm = 10 * loss,
        ClippedShare = loss == 0.4 ? 1 : 0,
    };
}
