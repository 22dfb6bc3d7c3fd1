using Diffusion.Data;
using Diffusion.TestKit;
using Microsoft.Extensions.Options;
using Samples;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Tuning.LearningRates;

public sealed class LrRangeFinderTests
{
    private static readonly LrRangeOptions Short = new() { Lowest = 1e-5, Highest = 1, Steps = 60, ConfirmationSteps = 0 };

    [Fact]
    public void A_limit_on_the_norm_of_gradients_is_no_matter_of_the_sweep()
    {
        using TinyModel model = new();
        using StripedImages images = new();

        LrRange range = Builder(model, images).Configure(o => o.Health = o.Health with { MaxGradientNorm = 1e-6 })
            .BuildLrRangeFinder(Short).Run(cancellationToken: TestContext.Current.CancellationToken);

        range.End.Should().Be(LrRangeEnd.Completed);
    }

    [Fact]
    public void A_sweep_of_a_unet_falls_rises_and_says_so()
    {
        using UNet2D model = SmallUNet();
        using DrawnShapes images = DrawnShapes.Create(400, 8);
        List<LrRangePoint> heard = [];
        LrRange range = Builder(model, images).BuildLrRangeFinder(Short)
            .Run(new Observer(heard.Add), TestContext.Current.CancellationToken);

        range.Points[0].LearningRate.Should().Be(1e-5);
        range.Points[0].Loss.Should().BeApproximately(range.StartLoss, 0.01);
        range.Points.Min(point => point.Smoothed).Should().BeLessThan(0.8 * range.StartLoss);
        LrRangePoint lowest = range.Points.MinBy(point => point.Smoothed)!;
        range.Suggestion.Rule.Should().Be(nameof(LrSuggestionRule.TenthOfLowest));
        range.Suggestion.LearningRate.Should().BeApproximately(lowest.LearningRate / 10, 1e-9 * lowest.LearningRate, range.ToTable());
        heard.Select(step => (step.LearningRate, step.Loss)).Should().Equal(range.Points.Select(point => (point.LearningRate, point.Loss)));
    }

    [Fact]
    public void The_same_parts_give_the_same_curve_and_another_seed_another()
    {
        LrRange first = Sweep(seed: 3);
        Sweep(seed: 3).Points.Should().Equal(first.Points);
        Sweep(seed: 4).Points.Should().NotEqual(first.Points);
    }

    [Fact]
    public void Micro_batches_change_the_curve_by_rounding_only()
    {
        LrRange whole = Sweep(seed: 3);
        LrRange parts = Sweep(seed: 3, micro: 4);
        parts.Points.Zip(whole.Points, (a, b) => Math.Abs(a.Loss - b.Loss)).Take(30).Max().Should().BeLessThan(1e-3);
    }

    [Fact]
    public void The_curve_is_smooth_as_every_rate_is_judged_by_the_same_images_timesteps_and_noise()
    {
        LrRange range = Sweep(seed: 3, range: new LrRangeOptions { Lowest = 1e-7, Highest = 1e-5, Steps = 40, ConfirmationSteps = 0 });
        range.Points.Max(point => point.Loss).Should().BeLessThan(1.01 * range.Points.Min(point => point.Loss));
    }

    [Theory]
    [InlineData("whole")]
    [InlineData("canceled")]
    [InlineData("source throws")]
    [InlineData("progress throws")]
    public void Model_and_process_are_bit_for_bit_as_they_were_however_it_ends(string how)
    {
        using TinyModel model = new(dropoutProbability: 0.2);
        using StripedImages images = new();
        model.eval();
        model.parameters().First().requires_grad = false;
        Tensor[] parameters = [.. model.parameters()];
        byte[][] weights = [.. parameters.Select(parameter => parameter.bytes.ToArray())];
        using Tensor generator = random.get_rng_state();
        using CancellationTokenSource stop = new();
        int reads = 0;
        WatchedImages watched = new(images, _ =>
        {
            if (++reads == 500 && how == "source throws")
            {
                throw new IOException("the disk is gone");
            }
        });
        LrRangeFinder finder = Builder(model, watched).BuildLrRangeFinder(Short);
        int steps = 0;
        Observer observer = new(_ =>
        {
            if (++steps == 20 && how == "canceled")
            {
                stop.Cancel();
            }
            else if (how == "progress throws")
            {
                throw new InvalidOperationException("an observer's own mistake");
            }
        });

        if (how == "source throws")
        {
            FluentActions.Invoking(() => finder.Run(observer, stop.Token)).Should().Throw<IOException>();
        }
        else
        {
            LrRange range = finder.Run(observer, stop.Token);
            (range.End == LrRangeEnd.Canceled).Should().Be(how == "canceled");
            (range.Points.Count > 20).Should().Be(how != "canceled");
        }

        model.training.Should().BeFalse();
        model.parameters().Zip(parameters, ReferenceEquals).Should().OnlyContain(same => same);
        parameters.Select(parameter => parameter.requires_grad).Should().Equal(parameters.Select((_, i) => i > 0));
        parameters.Count(parameter => parameter.grad is not null).Should().Be(0);
        foreach ((Tensor parameter, byte[] before) in parameters.Zip(weights))
        {
            parameter.bytes.ToArray().Should().Equal(before);
        }

        using Tensor after = random.get_rng_state();
        after.bytes.ToArray().Should().Equal(generator.bytes.ToArray());
    }

    [Fact]
    public void A_trainer_over_the_same_model_goes_on_as_if_there_had_been_no_sweep()
    {
        float[] Train(bool sweeps)
        {
            using TinyModel model = new();
            using StripedImages images = new();
            using TemporaryFolder folder = new();
            TrainerBuilder builder = Builder(model, images).UseCheckpoints(folder.Path).Configure(o => o.Steps = 12);
            using CancellationTokenSource stop = new();
            builder.ReportTo(new StopAt(6, stop));
            using Trainer trainer = builder.Build();
            trainer.Run(stop.Token);
            string[] files = Directory.GetFileSystemEntries(folder.Path, "*", SearchOption.AllDirectories);
            if (sweeps)
            {
                builder.BuildLrRangeFinder(Short).Run(cancellationToken: TestContext.Current.CancellationToken);
            }

            Directory.GetFileSystemEntries(folder.Path, "*", SearchOption.AllDirectories).Should().Equal(files);
            trainer.Run(TestContext.Current.CancellationToken).Step.Should().Be(12);
            return [.. model.parameters().SelectMany(parameter => parameter.data<float>().ToArray())];
        }

        Train(sweeps: true).Should().Equal(Train(sweeps: false));
    }

    [Fact]
    public void A_sweep_leaves_no_tensor_behind()
    {
        using TinyModel model = new(dropoutProbability: 0.1, classCount: 4);
        using StripedImages images = new(classCount: 4);
        LrRangeFinder finder = Builder(model, images).BuildLrRangeFinder(Short);
        LiveTensors.GrowthOver(2, () => finder.Run(cancellationToken: TestContext.Current.CancellationToken)).Should().Be(0);
    }

    [Fact]
    public void A_sweep_without_an_end_goes_on_until_the_loss_rises()
    {
        LrRange given = Sweep(seed: 3, range: new LrRangeOptions { Lowest = 1e-5, Highest = 1e-2, Steps = 40, ConfirmationSteps = 0 });
        LrRange raised = Sweep(seed: 3, range: new LrRangeOptions { Lowest = 1e-5, Steps = 40, ConfirmationSteps = 0 });

        given.Suggestion.LearningRate.Should().BeNull("the loss of so small a model still falls at 1e-2");
        raised.Points.Count.Should().BeGreaterThan(40);
        raised.Ending.Should().Be("the loss rose");
        given.Ending.Should().Be("every rate was tried");
        raised.Points[39].LearningRate.Should().BeApproximately(1e-2, 1e-9);
        raised.Points[^1].LearningRate.Should().BeInRange(1e-2, 1);
        raised.Suggestion.LearningRate.Should().BeInRange(1e-3, 0.1, raised.ToTable());
    }

    [Fact]
    public void A_sweep_that_never_breaks_ends_at_a_rate_of_one()
    {
        LrRange range = Sweep(
            seed: 3, range: new LrRangeOptions { Lowest = 1e-5, Steps = 40 }, optimizer: new PlainDescent { Power = 1e-6 });

        range.Points[^1].LearningRate.Should().BeInRange(0.8, 1);
        range.Confirmation.Should().BeNull();
        range.Advice.Should().Contain("No higher rate can be tried");
    }

    [Fact]
    public void Short_runs_confirm_the_suggestion()
    {
        LrRangeOptions options = Short with { ConfirmationSteps = 20 };
        LrRange curve = Sweep(seed: 3);
        LrRange range = Sweep(seed: 3, range: options);

        double lowest = curve.Points.Single(point => point.LearningRate == curve.Suggestion.LearningRate * 10).LearningRate;
        range.Points.Should().Equal(curve.Points);
        range.Confirmation!.Steps.Should().Be(20);
        range.Confirmation.Candidates.Select(candidate => candidate.LearningRate).Should().Equal(
            [0.1 * lowest, 0.316 * lowest, lowest], (one, other) => Math.Abs(one - other) < 1e-9);
        range.Confirmation.Candidates.Min(candidate => candidate.Loss).Should().BeLessThan(range.StartLoss);
        range.Suggestion.Rule.Should().Be(nameof(LrSuggestionRule.Confirmed));
        range.Suggestion.LearningRate.Should().Be(range.Confirmation.Candidates.MinBy(candidate => candidate.Loss)!.LearningRate);
        range.Suggestions.Skip(1).Should().Equal(curve.Suggestions);
        Sweep(seed: 3, range: options).Confirmation!.Candidates.Should().Equal(range.Confirmation.Candidates);
        range.Advice.Should().Match("Use a peak learning rate of *: the loss was * at *, after 20 steps of each (* s).");
    }

    [Fact]
    public void A_rate_at_which_training_breaks_is_not_suggested()
    {
        // Its gradients are finite for a few steps only; a sweep passes this rate in one.
        LrRange range = Sweep(seed: 3, range: Short with { ConfirmationSteps = 40 }, optimizer: new PlainDescent());

        LrCandidate[] broken = [.. range.Confirmation!.Candidates.Where(candidate => double.IsInfinity(candidate.Loss))];
        double[] whole = [.. range.Confirmation.Candidates.Except(broken).Select(candidate => candidate.LearningRate)];
        range.Suggestion.LearningRate.Should().Be(range.Confirmation.Best?.LearningRate);
        whole.Should().NotBeEmpty().And.Contain(range.Suggestion.LearningRate!.Value);
    }

    [Fact]
    public void A_confirmation_that_is_canceled_leaves_what_the_curve_says()
    {
        using TinyModel model = new();
        using StripedImages images = new();
        using CancellationTokenSource stop = new();
        int reads = 0;
        WatchedImages watched = new(images, _ =>
        {
            if (++reads == (Short.Steps * 16) + 200)
            {
                stop.Cancel();
            }
        });

        LrRange range = Builder(model, watched).BuildLrRangeFinder(Short with { ConfirmationSteps = 1000 })
            .Run(cancellationToken: stop.Token);

        range.End.Should().Be(LrRangeEnd.Canceled);
        range.Points.Should().HaveCount(Short.Steps);
        range.Confirmation.Should().BeNull();
        range.Suggestion.Rule.Should().Be(nameof(LrSuggestionRule.TenthOfLowest));
        range.Suggestion.LearningRate.Should().NotBeNull();
    }

    [Fact]
    public void Divergence_ends_the_sweep()
    {
        LrRange range = Sweep(seed: 3, optimizer: new PlainDescent());
        range.End.Should().Be(LrRangeEnd.Diverged, range.ToTable());
        range.Points.Should().HaveCountLessThan(Short.Steps);
        range.Points[^1].Loss.Should().BeGreaterThanOrEqualTo(10 * range.StartLoss);
        range.Points.SkipLast(1).Should().OnlyContain(point => point.Loss < 10 * range.StartLoss);
        range.EndedAt.Should().Be(range.Points[^1].LearningRate);
    }

    [Fact]
    public void Numbers_that_are_not_finite_end_the_sweep()
    {
        LrRange range = Sweep(seed: 3, optimizer: new PlainDescent { ExplodesAt = 1e-3, Power = 1 });
        range.End.Should().Be(LrRangeEnd.NotFinite);
        range.Points.Should().OnlyContain(point => double.IsFinite(point.Loss));
        range.EndedAt.Should().Be(Short.RateAt(range.Points.Count)).And.BeInRange(1e-3, 1.3e-3);
    }

    [Fact]
    public void Bad_images_are_replaced_logged_and_end_nothing()
    {
        CollectedLog log = new();
        using TinyModel model = new();
        using StripedImages images = new(count: 300);
        WatchedImages damaged = new(images, index =>
        {
            if (index == 77)
            {
                throw new ImageDataException("photo 77", "the image is truncated.");
            }
        });
        LrRange range = Builder(model, damaged).UseLogger(log).BuildLrRangeFinder(Short)
            .Run(cancellationToken: TestContext.Current.CancellationToken);
        range.End.Should().Be(LrRangeEnd.Completed);
        log.Lines.Should().Contain(line => line.Contains("photo 77"));
    }

    [Fact]
    public void Every_problem_of_run_and_sweep_is_listed_at_once()
    {
        using TinyModel model = new();
        LrRangeOptions wrong = new() { Lowest = 0, Highest = 2, Steps = 5, EvaluationImages = 0, ConfirmationSteps = 9 };
        FluentActions.Invoking(() => Trainer.For(model).Configure(o => o.BatchSize = 0).BuildLrRangeFinder(wrong)).Should()
            .Throw<OptionsValidationException>()
            .Which.Failures.Should().Contain(
            [
                "LrRangeOptions.Lowest (0) must be above 0 and below 1. Use 1e-7.",
                "LrRangeOptions.Highest (2) must be at least 10 times Lowest (0) and at most 1. Use 1e-2.",
                "LrRangeOptions.Steps (5) must be in 20..10000. Use 200.",
                "LrRangeOptions.ConfirmationSteps (9) must be 0 or in 10..10000. Use 60.",
                "LrRangeOptions.EvaluationImages (0) must be in 1..65536. Leave it out for as many as a batch has.",
                "BatchSize (0) must be in 1..65536. Use 64.",
            ]).And.Contain(problem => problem.Contains("Call UseData"));
        FluentActions.Invoking(() => Builder(model, new StripedImages())
            .BuildLrRangeFinder(new LrRangeOptions { Lowest = 1e-4, Highest = 9e-4 }))
            .Should().Throw<OptionsValidationException>()
                .WithMessage("LrRangeOptions.Highest (0.0009) must be at least 10 times Lowest (0.0001)*");
    }

    [Theory]
    [InlineData(1e-3, 1e-4, "*Use 1e-2.")]
    [InlineData(1e-2, 1e-2, "*Use 1.")]
    [InlineData(0.5, 1, "*Use a Lowest of 1e-7.")]
    public void What_is_told_to_use_as_highest_rate_suits_the_lowest(double lowest, double highest, string remedy)
    {
        using TinyModel model = new();
        FluentActions.Invoking(() => Builder(model, new StripedImages())
            .BuildLrRangeFinder(new LrRangeOptions { Lowest = lowest, Highest = highest }))
            .Should().Throw<OptionsValidationException>().WithMessage(remedy);
    }

    private static LrRange Sweep(long seed, int? micro = null, LrRangeOptions? range = null, IOptimizerFactory? optimizer = null)
    {
        using TinyModel model = new(dropoutProbability: micro is null ? 0.1 : 0);
        using StripedImages images = new();
        TrainerBuilder builder = Builder(model, images).Configure(o => (o.Seed, o.MicroBatchSize) = (seed, micro));
        if (optimizer is not null)
        {
            builder.UseOptimizer(optimizer).Configure(o => o.GradientClip = null);
        }

        return builder.BuildLrRangeFinder(range ?? Short).Run(cancellationToken: TestContext.Current.CancellationToken);
    }

    private static TrainerBuilder Builder(IDiffusionModel model, IImageSource images) =>
        Trainer.For(model).UseDevice(ComputeDevice.Cpu(threads: 1)).UseData(images)
            .Configure(o => (o.BatchSize, o.ReportEverySteps) = (16, 1));

    private static UNet2D SmallUNet() => new(
        new UNet2DOptions
        {
            SampleSize = 8,
            BlockOutChannels = [8, 16],
            DownBlockTypes = [DownBlockType.DownBlock2D, DownBlockType.DownBlock2D],
            UpBlockTypes = [UpBlockType.UpBlock2D, UpBlockType.UpBlock2D],
            LayersPerBlock = 1,
            AttentionHeadDim = 8,
            NormNumGroups = 4,
        },
        seed: 0);

    private sealed class Observer(Action<LrRangePoint> report) : IProgress<LrRangePoint>
    {
        public void Report(LrRangePoint value) => report(value);
    }

    private sealed class StopAt(long step, CancellationTokenSource stop) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value)
        {
            if (value.Step == step)
            {
                stop.Cancel();
            }
        }
    }

    /// <summary>Gradient descent, which explodes where AdamW would not.</summary>
    private sealed record PlainDescent : IOptimizerFactory
    {
        public double Power { get; init; } = 100;

        public double ExplodesAt { get; init; } = double.PositiveInfinity;

        public string Description => "plain";

        public IReadOnlyList<string> Problems => [];

        public IOptimizer Create(FlatParameters parameters) => new Descent(parameters, rate => rate >= ExplodesAt ? 1e30 : rate * Power);

        private sealed class Descent(FlatParameters parameters, Func<double, double> factor) : IOptimizer
        {
            public IReadOnlyDictionary<string, Tensor> State { get; } = new Dictionary<string, Tensor>();

            public void Update(double learningRate, Tensor gradientDivisor, Tensor skip)
            {
                using Scalar rate = factor(learningRate).ToScalar();
                using Tensor step = parameters.Gradients.mul(rate);
                parameters.Values.sub_(step);
            }

            public void Dispose()
            {
            }
        }
    }
}
