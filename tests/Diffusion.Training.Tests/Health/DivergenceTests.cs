using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Health;

/// <summary>What follows when the loss has diverged.</summary>
public sealed class DivergenceTests
{
    [Fact]
    public void A_run_that_rolls_back_goes_on_from_its_checkpoint_with_a_third_of_the_rate()
    {
        using TemporaryFolder folder = new();
        List<(long Step, double Rate)> reports = [];
        CollectedLog log = new();

        // The weights are thrown away once, after step 90.
        bool thrown = false;
        TrainingResult result = Train(folder.Path, DivergencePolicy.RollBack, (model, step) =>
        {
            if (step == 90 && !thrown)
            {
                thrown = true;
                ThrowAway(model);
            }
        }, reports, log);

        result.StopReason.Should().Be(StopReason.Completed);
        result.Step.Should().Be(200);
        reports.Select(report => report.Step).Should().Equal([.. Steps(10, 100), .. Steps(60, 200)]);
        reports.Take(10).Should().OnlyContain(report => report.Rate == 3e-4);
        reports.Skip(10).Should().OnlyContain(report => Math.Abs(report.Rate - 1e-4) < 1e-12);
        log.Lines.Should().ContainSingle(line => line.StartsWith("The loss diverged: training continues from", StringComparison.Ordinal)
            && line.Contains("at step 50 with learning rate 0.0001", StringComparison.Ordinal));
    }

    [Fact]
    public void The_lower_rate_is_kept_by_a_run_that_resumes_and_given_up_where_the_rate_is_changed()
    {
        using TemporaryFolder folder = new();
        bool thrown = false;
        List<(long Step, double Rate)> reports = [];
        Train(folder.Path, DivergencePolicy.RollBack, (model, step) =>
        {
            if (step == 90 && !thrown)
            {
                thrown = true;
                ThrowAway(model);
            }
        }, reports);
        reports.Clear();

        Train(folder.Path, DivergencePolicy.RollBack, (_, _) => { }, reports, steps: 210);
        Train(folder.Path, DivergencePolicy.RollBack, (_, _) => { }, reports, steps: 220, rate: 2e-4);

        reports.Select(report => report.Rate).Should().SatisfyRespectively(
            kept => kept.Should().BeApproximately(1e-4, 1e-12), changed => changed.Should().Be(2e-4));
    }

    [Fact]
    public void After_three_times_the_run_ends_and_its_checkpoint_is_whole()
    {
        using TemporaryFolder folder = new();
        int times = 0;

        Action run = () => Train(folder.Path, DivergencePolicy.RollBack, (model, step) =>
        {
            if (step == 90)
            {
                times++;
                ThrowAway(model);
            }
        });

        run.Should().Throw<TrainingDivergedException>().WithMessage("The loss is*Lower LearningRate.Peak*");
        times.Should().Be(4);
        using CheckpointStore store = new(Path.Combine(folder.Path, "checkpoints"));
        store.Latest.Should().EndWith("step-000000050-4", "each rollback is saved");
    }

    [Fact]
    public void A_run_that_diverges_before_its_first_checkpoint_goes_back_to_its_beginning()
    {
        using TemporaryFolder folder = new();
        bool thrown = false;
        List<(long Step, double Rate)> reports = [];

        Train(folder.Path, DivergencePolicy.RollBack, (model, step) =>
        {
            if (step == 60 && !thrown)
            {
                thrown = true;
                ThrowAway(model);
            }
        }, reports, checkpointEvery: 1000);

        reports.Select(report => report.Step).Should().Equal([.. Steps(10, 70), .. Steps(10, 200)]);
    }

    [Fact]
    public void A_checkpoint_from_after_the_loss_rose_is_not_gone_back_to()
    {
        using TemporaryFolder folder = new();
        bool thrown = false;
        CollectedLog log = new();

        // The weights are thrown away at step 81 and saved at step 90, before the report of step 100 sees it.
        Train(folder.Path, DivergencePolicy.RollBack, (model, step) =>
        {
            if (step == 81 && !thrown)
            {
                thrown = true;
                ThrowAway(model);
            }
        }, log: log, checkpointEvery: 10, reportEvery: 20);

        log.Lines.Should().ContainSingle(line => line.StartsWith("The loss diverged", StringComparison.Ordinal)
            && line.Contains("at step 80 with", StringComparison.Ordinal));
    }

    [Fact]
    public void A_run_that_is_started_again_after_its_error_has_no_more_rollbacks()
    {
        using TemporaryFolder folder = new();
        CollectedLog log = new();
        for (int sitting = 0; sitting < 2; sitting++)
        {
            Action run = () => Train(folder.Path, DivergencePolicy.RollBack, (model, step) =>
            {
                if (step == 90)
                {
                    ThrowAway(model);
                }
            }, log: log);

            run.Should().Throw<TrainingDivergedException>();
        }

        log.Lines.Where(line => line.StartsWith("The loss diverged: training continues", StringComparison.Ordinal)).Should().HaveCount(3);
    }

    [Fact]
    public void Weights_of_the_last_good_step_are_saved_where_all_steps_are_skipped()
    {
        using TemporaryFolder folder = new();

        using TinyModel model = new();
        using StripedImages images = new();
        using Trainer trainer = Trainer.For(model).UseDevice(ComputeDevice.Cpu(1)).UseData(images)
            .UseCheckpoints(folder.Path, everySteps: 1000)
            .Configure(o => (o.Steps, o.BatchSize, o.ReportEverySteps, o.Health) = (200, 8, 10,
                new HealthOptions { MaxGradientNorm = 1e-6 })).Build();

        trainer.Invoking(t => t.Run(TestContext.Current.CancellationToken)).Should().Throw<TrainingDivergedException>()
            .WithMessage("The gradients of the last 10*");

        using CheckpointStore store = new(folder.File("checkpoints"));
        store.Latest.Should().EndWith("step-000000010");
    }

    [Fact]
    public void A_run_that_stops_says_why_and_leaves_the_last_checkpoint()
    {
        using TemporaryFolder folder = new();

        Action run = () => Train(folder.Path, DivergencePolicy.Stop, (model, step) =>
        {
            if (step == 90)
            {
                ThrowAway(model);
            }
        });

        run.Should().Throw<TrainingDivergedException>().WithMessage("The loss is*");
        using CheckpointStore store = new(Path.Combine(folder.Path, "checkpoints"));
        store.Latest.Should().EndWith("step-000000050");
    }

    [Fact]
    public void A_gradient_beyond_its_limit_leaves_weights_moments_and_averages_as_they_are()
    {
        using TinyModel limited = new();
        using TinyModel untouched = new();
        using StripedImages images = new();
        using Trainer trainer = Trainer.For(limited).UseDevice(ComputeDevice.Cpu(1)).UseData(images)
            .Configure(o => (o.Steps, o.BatchSize, o.ReportEverySteps, o.Health) = (5, 4, 5, new HealthOptions { MaxGradientNorm = 1e-6 }))
                .Build();

        TrainingResult result = trainer.Run(TestContext.Current.CancellationToken);

        result.Findings.Should().ContainSingle().Which.Seen.Should()
            .Contain("5 steps have been skipped").And.MatchRegex("its gradient norm is [0-9.]+, above 1E-06");
        Weights(limited).Should().Equal(Weights(untouched));
    }

    [Fact]
    public void The_error_of_steps_skipped_in_a_row_says_nothing_of_one_skipped_long_before()
    {
        using TemporaryFolder folder = new();

        Action run = () => Train(folder.Path, DivergencePolicy.Report, (model, step) =>
        {
            using IDisposable noGradients = no_grad();
            if (step is 4 or 5 or 34)
            {
                model.get_parameter("conv_out.bias")!.fill_(step == 5 ? 0 : float.NaN);
            }
        });

        run.Should().Throw<TrainingDivergedException>().WithMessage("The gradients of the last 16 steps up to step 50 *")
            .Which.Message.Should().NotContain("skipped so far");
    }

    private static IEnumerable<long> Steps(long from, long to) =>
        Enumerable.Range(0, (int)((to - from) / 10) + 1).Select(i => from + (10 * i));

    private static float[] Weights(TinyModel model) =>
        [.. model.named_parameters().SelectMany(parameter => parameter.parameter.data<float>().ToArray())];

    private static void ThrowAway(TinyModel model)
    {
        using IDisposable noGradients = no_grad();
        model.get_parameter("conv_out.bias")!.fill_(100);
    }

    private static TrainingResult Train(
        string folder, DivergencePolicy policy, Action<TinyModel, long> after, List<(long Step, double Rate)>? reports = null,
            CollectedLog? log = null,
        long steps = 200, double rate = 3e-4, int checkpointEvery = 50, int reportEvery = 10)
    {
        using TinyModel model = new();
        using StripedImages images = new();
        using Trainer trainer = Trainer.For(model).UseDevice(ComputeDevice.Cpu(1)).UseData(images)
            .UseCheckpoints(folder, checkpointEvery)
            .UseLearningRate(LearningRate.Constant(rate).WithWarmup(0))
            .UseLogger(log ?? new CollectedLog())
            .ReportTo(new Listener(reports ?? []))
            .AddPreview(1, preview => after(model, preview.Step))
            .Configure(o => (o.Steps, o.BatchSize, o.ReportEverySteps, o.Health) = (steps, 8, reportEvery,
                new HealthOptions { OnDivergence = policy }))
            .Build();
        return trainer.Run(TestContext.Current.CancellationToken);
    }

    private sealed class Listener(List<(long Step, double Rate)> reports) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => reports.Add((value.Step, value.LearningRate));
    }
}
