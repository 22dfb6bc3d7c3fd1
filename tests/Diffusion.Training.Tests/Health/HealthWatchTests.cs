namespace Diffusion.Training.Tests.Health;

/// <summary>What the watch says of reports as a test writes them.</summary>
public sealed class HealthWatchTests
{
    [Fact]
    public void A_loss_that_falls_and_stays_low_is_healthy()
    {
        SyntheticRun run = new();

        foreach (double loss in Enumerable.Range(0, 100).Select(i => 0.05 + Math.Exp(-0.5 * i) + (i % 2 * 0.004)))
        {
            run.Report(loss);
        }

        run.Found.Should().BeEmpty();
    }

    [Fact]
    public void A_loss_that_rises_far_above_its_lowest_has_diverged_and_the_remedy_is_a_lower_usual_rate()
    {
        SyntheticRun run = new SyntheticRun().Reports(5, 0.1).Report(0.9);

        HealthFinding finding = run.Found.Should().ContainSingle().Subject;
        finding.Kind.Should().Be(FindingKind.Diverged);
        finding.Step.Should().Be(600);
        finding.Remedy.Should().Contain("LearningRate.Peak from 0.0002 to 0.0001, and resume");
        finding.Figures["lowestLoss"].Should().Be(0.1);
        finding.ToString().Should().StartWith("Diverged at step 600: The loss is 0.9, 9 times its minimum of 0.1 at step 100.");
    }

    [Theory]
    [InlineData(2e-4, 0, "from 0.0002 to 0.0001, and resume")]
    [InlineData(2e-4, 1, "from 0.0002 to 2.2E-05, which is below the usual 0.0001 to 0.0003")]
    [InlineData(1e-4, 0, "from 0.0001 to 3.3E-05, which is below the usual 0.0001 to 0.0003")]
    [InlineData(1e-3, 0, "from 0.001 to 0.0003, and resume")]
    [InlineData(2e-1, 0, "from 0.2 to 0.0002")]
    public void A_rate_far_above_the_usual_is_lowered_to_it_and_one_that_was_lowered_before_is_lowered_further(double rate, int rollbacks,
        string remedy)
    {
        SyntheticRun run = new(new TrainingOptions { LearningRate = LearningRate.Constant(rate) }, rollbacks: rollbacks);

        run.Reports(4, 0.1).Report(0.9).Found.Should().ContainSingle().Which.Remedy.Should().Contain(remedy);
    }

    [Fact]
    public void Weights_are_not_yet_spoilt_up_to_the_last_report_with_a_low_loss()
    {
        SyntheticRun run = new SyntheticRun().Reports(3, 0.1).Report(0.09).Reports(4, 0.11)
            .Report(0.3, report => report with { LossDeviation = 3 }).Report(0.9);

        HealthFinding finding = run.Found.Should().ContainSingle().Subject;
        finding.LastGoodStep.Should().Be(800);
        finding.Remedy.Should().Contain("a checkpoint of step 800 or earlier");
    }

    [Fact]
    public void A_loss_that_never_fell_was_good_nowhere()
    {
        SyntheticRun run = new(new TrainingOptions { LearningRate = LearningRate.Constant(0.5) });

        run.Reports(5, 1, report => report with { RelativeLossByLogSnr = [1, 1, 0.99, 1] }).Found.Should()
            .ContainSingle().Which.LastGoodStep.Should().Be(0);
    }

    [Fact]
    public void A_window_of_few_steps_that_was_low_by_chance_is_no_measure()
    {
        // The window of two steps is cut short by a step that was skipped.
        SyntheticRun run = new(every: 2);
        run.Report(0.1, report => report with { FirstSkippedStep = 1, SkippedSteps = 1 });

        run.Reports(50, 0.5).Kinds.Should().Equal(FindingKind.SkippedSteps);
    }

    [Fact]
    public void A_loss_too_large_for_a_deviation_has_diverged()
    {
        new SyntheticRun().Reports(5, 0.1).Report(1e24, report => report with { LossDeviation = double.PositiveInfinity }).Kinds.Should()
            .Contain(FindingKind.Diverged);
    }

    [Fact]
    public void A_rise_within_the_noise_of_few_steps_is_no_divergence()
    {
        new SyntheticRun(every: 2).Reports(30, 0.2).Report(0.5, report => report with { LossDeviation = 0.2 }).Found.Should().BeEmpty();
    }

    [Fact]
    public void What_was_said_is_said_again_only_after_ten_good_reports()
    {
        SyntheticRun run = new SyntheticRun().Reports(5, 0.1).Report(0.9).Reports(3, 0.1).Report(0.9).Reports(11, 0.1).Report(0.9);

        run.Kinds.Should().Equal(FindingKind.Diverged, FindingKind.Diverged);
        run.Found[^1].Step.Should().Be(2200);
    }

    [Theory]
    [InlineData(2e-2, 1, FindingKind.Diverged, "too high", "from 0.02 to 0.0002")]
    [InlineData(2e-6, 1, FindingKind.NotLearning, "far too low", "from 2E-06 to 0.0002")]
    [InlineData(2e-4, 1, FindingKind.NotLearning, "does not depend on its weights", "Raise LearningRate.Peak from 0.0002 to 0.0003")]
    [InlineData(2e-4, 7, FindingKind.NotLearning, "initial weights of its last layer are far too large",
        "weights near zero. If they already are, lower LearningRate.Peak from 0.0002 to 0.0001")]
    public void A_loss_of_one_everywhere_has_learned_nothing_and_the_remedy_fits_the_rate(double rate, double loss, FindingKind kind,
        string meaning, string remedy)
    {
        SyntheticRun run = new(new TrainingOptions { LearningRate = LearningRate.Constant(rate) });

        run.Reports(6, loss, report => report with { RelativeLossByLogSnr = [1, 1, 0.99, 1] });

        HealthFinding finding = run.Found.Should().ContainSingle().Subject;
        finding.Kind.Should().Be(kind);
        finding.Step.Should().Be(500);
        finding.Meaning.Should().Contain(meaning);
        finding.Remedy.Should().Contain(remedy);
    }

    [Fact]
    public void A_loss_that_hardly_falls_is_learning_slowly_but_not_before_the_warm_up_has_ended()
    {
        SyntheticRun slow = new(warmup: 1000);

        slow.Reports(12, 0.9, report => report with { RelativeLossByLogSnr = [1, 0.9, 0.8, 0.6] });
        slow.Found.Should().BeEmpty();
        slow.Report(0.9, report => report with { RelativeLossByLogSnr = [1, 0.9, 0.8, 0.6] });

        slow.Kinds.Should().Equal(FindingKind.LearningSlowly);
    }

    [Fact]
    public void A_loss_that_jumps_up_and_down_oscillates_and_one_that_jumps_while_it_falls_does_not()
    {
        SyntheticRun jumping = new();
        SyntheticRun falling = new();
        for (int i = 0; i < 14; i++)
        {
            jumping.Report(i % 2 == 0 ? 0.2 : 0.32);
            falling.Report((i % 2 == 0 ? 0.4 : 0.6) * Math.Exp(-0.2 * i));
        }

        jumping.Kinds.Should().Equal(FindingKind.Oscillating);
        falling.Found.Should().BeEmpty();
    }

    [Fact]
    public void A_loss_that_stays_high_everywhere_is_a_plateau()
    {
        SyntheticRun run = new(every: 20);
        for (int i = 0; i < 60; i++)
        {
            run.Report(0.5, report => report with { RelativeLossByLogSnr = [0.6, 0.5, 0.4, 0.3] });
        }

        run.Kinds.Should().Equal(FindingKind.Plateau);
    }

    [Fact]
    public void A_plateau_is_also_seen_in_a_run_of_many_reports()
    {
        SyntheticRun run = new();
        for (int i = 1; i <= 20_000; i++)
        {
            run.Report(Math.Max(0.5, 4 / Math.Sqrt(i)), report => report with { RelativeLossByLogSnr = [0.6, 0.5, 0.34, 0.3] });
        }

        run.Kinds.Should().Equal(FindingKind.Plateau);
        run.Found[0].Step.Should().BeInRange(6_400, 20_000, "it fell until step 6,400");
    }

    [Fact]
    public void A_loss_that_still_falls_over_many_reports_is_no_plateau()
    {
        SyntheticRun run = new();
        for (int i = 1; i <= 20_000; i++)
        {
            run.Report(2 / Math.Pow(i, 0.3), report => report with { RelativeLossByLogSnr = [0.6, 0.5, 0.34, 0.3] });
        }

        run.Found.Should().BeEmpty();
    }

    [Fact]
    public void Overfitting_is_also_seen_where_a_thousand_reports_lie_between_two_measurements_and_one_report_was_low_by_chance()
    {
        SyntheticRun run = new SyntheticRun().Reports(1, 0.05).Report(0.035);
        foreach (double heldOut in (double[])[0.2, 0.1, 0.08, 0.09, 0.1, 0.12])
        {
            run.Reports(1000, 0.05, report => report with { HeldOutLoss = heldOut, LossDeviation = 0.05 });
        }

        run.Kinds.Should().Equal(FindingKind.Overfitting);
    }

    [Fact]
    public void A_held_out_loss_that_rises_while_training_goes_on_is_overfitting()
    {
        SyntheticRun run = new();
        foreach (double heldOut in (double[])[0.2, 0.1, 0.08, 0.09, 0.1, 0.12])
        {
            run.Reports(3, 0.05, report => report with { HeldOutLoss = heldOut });
        }

        HealthFinding finding = run.Found.Should().ContainSingle().Subject;
        finding.Kind.Should().Be(FindingKind.Overfitting);
        finding.Seen.Should().Contain("rose from 0.08 to 0.12");
    }

    [Fact]
    public void A_gradient_far_above_the_usual_explodes_and_the_remedy_is_a_limit()
    {
        SyntheticRun run = new SyntheticRun().Reports(6, 0.1).Report(0.1, report => report with { MaxGradientNorm = 40 });

        HealthFinding finding = run.Found.Should().ContainSingle().Subject;
        finding.Kind.Should().Be(FindingKind.ExplodingGradients);
        finding.Remedy.Should().Contain("Health.MaxGradientNorm to 6");
    }

    [Theory]
    [InlineData(10.0, FindingKind.ExplodingGradients)]
    [InlineData(1e-12, FindingKind.VanishingGradients)]
    [InlineData(0.0, FindingKind.VanishingGradients)]
    public void A_block_whose_gradients_are_far_from_the_others_is_named(double gradient, FindingKind kind)
    {
        SyntheticRun run = new SyntheticRun().Reports(3, 0.1, report => report with
        {
            GradientsByBlock = new Dictionary<string, double>(report.GradientsByBlock, StringComparer.Ordinal) { ["mid_block"] = gradient },
        });

        HealthFinding finding = run.Found.Should().ContainSingle().Subject;
        finding.Kind.Should().Be(kind);
        finding.Seen.Should().Contain("mid_block");
    }

    [Fact]
    public void Blocks_without_gradients_are_named_also_where_they_are_most()
    {
        SyntheticRun run = new SyntheticRun().Reports(3, 0.1, report => report with
        {
            GradientsByBlock = new Dictionary<string,
                double>(StringComparer.Ordinal) { ["conv_in"] = 1e-4, ["first"] = 0, ["second"] = 0, ["third"] = 0, ["conv_out"] = 1e-3 },
        });

        HealthFinding finding = run.Found.Should().ContainSingle().Subject;
        finding.Kind.Should().Be(FindingKind.VanishingGradients);
        finding.Seen.Should().Contain("first");
    }

    [Fact]
    public void Gradients_that_are_nearly_all_cut_to_a_small_part_are_clipped_too_much()
    {
        TrainingOptions options = new() { GradientClip = 0.01 };

        HealthFinding finding = new SyntheticRun(options).Reports(5, 0.1, report => report with { ClippedShare = 1 }).Found.Should()
            .ContainSingle().Subject;
        finding.Kind.Should().Be(FindingKind.ClippedTooMuch);
        finding.Remedy.Should().Be("Raise GradientClip from 0.01 to 1.");
        new SyntheticRun(options).Reports(9, 0.1, report => report with { ClippedShare = 0.5 }).Found.Should().BeEmpty();
    }

    [Fact]
    public void A_usual_clip_is_not_to_be_raised_where_the_gradients_are_too_large()
    {
        SyntheticRun run = new SyntheticRun().Reports(5, 0.1, report => report with { ClippedShare = 1, MeanGradientNorm = 5000 });

        run.Found.Should().ContainSingle().Which.Remedy.Should().StartWith("Keep GradientClip at 1:");
    }

    [Fact]
    public void Tensors_that_a_part_keeps_in_more_and_more_turns_leak_and_the_place_is_named()
    {
        SyntheticRun run = new();
        for (int i = 0; i < 11; i++)
        {
            long more = 3 * (i / 2); // the part has a turn between every other report
            run.Report(0.1,
                report =>
                    report with { LeakedTensors = new Dictionary<string,
                        long>(StringComparer.Ordinal) { ["a preview"] = more, ["a checkpoint"] = 100 } });
            run.Found.Should().HaveCount(i < 10 ? 0 : 1);
        }

        HealthFinding finding = run.Found.Should().ContainSingle().Subject;
        finding.Kind.Should().Be(FindingKind.LeakedTensors);
        finding.Seen.Should().Contain("15 more").And.Contain("from a preview");
        run.Report(0.1,
            report =>
                report with { LeakedTensors = new Dictionary<string, long>(StringComparer.Ordinal) { ["a preview"] = 15 } }).Found.Should()
                    .HaveCount(1);
    }

    [Fact]
    public void The_tensors_of_the_process_are_no_sign_of_a_leak()
    {
        SyntheticRun run = new();
        for (int i = 0; i < 10; i++)
        {
            long live = 500 + (100 * i);
            run.Report(0.1, report => report with { LiveTensors = live });
        }

        run.Found.Should().BeEmpty();
    }

    [Fact]
    public void Waiting_for_images_in_several_reports_is_slow_data()
    {
        new SyntheticRun().Reports(4, 0.1, report => report with { DataWaitShare = 0.5 }).Kinds.Should().Equal(FindingKind.SlowData);
        new SyntheticRun().Reports(3, 0.1).Report(0.1, report => report with { DataWaitShare = 0.9 }).Found.Should().BeEmpty();
    }

    [Fact]
    public void A_skipped_step_is_traced_once_also_when_the_report_has_no_loss()
    {
        SyntheticRun run = new SyntheticRun().Reports(2, 0.1)
            .Reports(2, double.NaN, report => report with { FirstSkippedStep = 207, SkippedSteps = 94 });

        HealthFinding finding = run.Found.Should().ContainSingle().Subject;
        finding.Kind.Should().Be(FindingKind.SkippedSteps);
        finding.Seen.Should().Contain("94 steps").And.Contain("step 207. Traced 207.");
    }

    [Theory]
    [InlineData(8)]
    [InlineData(1)]
    public void The_default_rate_is_not_far_too_high_for_a_small_batch(int batch)
    {
        SyntheticRun run = new(new TrainingOptions { BatchSize = batch });

        run.Reports(6, 1, report => report with { RelativeLossByLogSnr = [1, 1, 0.99, 1] }).Kinds.Should().Equal(FindingKind.NotLearning);
    }

    [Theory]
    [InlineData(64, 5e-4, "Measure LearningRate.Peak with LrRangeFinder: 0.0005 is already above the usual 0.0002")]
    [InlineData(64, 1e-4, "Raise LearningRate.Peak from 0.0001 to 0.0002")]
    [InlineData(64, 2e-4, "Raise LearningRate.Peak from 0.0002 to 0.0003")]
    [InlineData(64, 3e-4, "Measure LearningRate.Peak with LrRangeFinder: 0.0003 is already above the usual 0.0002")]
    [InlineData(256, 2e-4, "Raise LearningRate.Peak from 0.0002 to 0.0008")]
    [InlineData(16, 1e-4, "Raise LearningRate.Peak from 0.0001 to 0.0003")]
    public void A_rate_that_is_too_low_is_raised(int batch, double rate, string remedy)
    {
        SyntheticRun run = new(new TrainingOptions { BatchSize = batch, LearningRate = LearningRate.Constant(rate) });

        run.Reports(6, 0.9, report => report with { RelativeLossByLogSnr = [1, 0.9, 0.8, 0.6] }).Found.Should()
            .ContainSingle().Which.Remedy.Should().StartWith(remedy);
    }

    [Fact]
    public void One_step_that_counts_among_many_that_were_skipped_is_no_divergence()
    {
        SyntheticRun run = new SyntheticRun().Reports(10, 0.3)
            .Report(0.7, report => report with { StepsOfLoss = 1, LossDeviation = 0, FirstSkippedStep = 1001, SkippedSteps = 99 });

        run.Kinds.Should().Equal(FindingKind.SkippedSteps);
    }

    [Fact]
    public void A_run_that_went_back_is_given_time_at_its_lower_rate()
    {
        HealthWatch watch = new(new TrainingOptions { LearningRate = LearningRate.Constant(0.1) }, warmupSteps: 0, firstSamplesStep: 5000,
            _ => string.Empty);
        TrainingProgress learnedNothing = ReportWindowTests.One(500, 1) with { StepsReported = 100, StepsOfLoss = 100, LearningRate = 0.1,
            RelativeLossByLogSnr = [1, 1, 1, 1] };
        watch.Look(learnedNothing).Should().ContainSingle().Which.Kind.Should().Be(FindingKind.Diverged);

        watch.Begin(step: 490, rollbacks: 1);

        watch.Look(learnedNothing with { Step = 590 }).Should().BeEmpty();
        watch.Look(learnedNothing with { Step = 790 }).Should().ContainSingle();
    }

    [Fact]
    public void A_run_that_begins_anew_traces_anew()
    {
        List<long> traced = [];
        HealthWatch watch = new(new TrainingOptions(), warmupSteps: 0, firstSamplesStep: 5000, step =>
        {
            traced.Add(step);
            return string.Empty;
        });

        watch.Look(Skipped(3));
        watch.Look(Skipped(13));
        watch.Begin(step: 10, rollbacks: 1);
        watch.Look(Skipped(5));

        traced.Should().Equal(3, 5);

        static TrainingProgress Skipped(long step) => new()
        {
            Step = 20, Steps = 100, ImagesSeen = 20, Loss = double.NaN, GradientNorm = double.NaN, LearningRate = 1e-4, EmaDecay = null,
                ImagesPerSecond = 1,
            Elapsed = TimeSpan.Zero, Remaining = TimeSpan.Zero, FirstSkippedStep = step,
        };
    }
}
