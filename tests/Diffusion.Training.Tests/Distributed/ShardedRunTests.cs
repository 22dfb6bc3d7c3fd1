using Diffusion.TestKit;
using TorchSharp;

namespace Diffusion.Training.Tests.Distributed;

/// <summary>Processes that hold parts of the optimizer's state and of the averages train as those that hold everything.</summary>
public sealed class ShardedRunTests
{
    private static readonly UNet2DOptions Small = UNet2DOptions.ForImages(8, 1, UNet2DSize.Medium) with
    {
        BlockOutChannels = [8], NormNumGroups = 4, AttentionHeadDim = 4,
    };

    public static TheoryData<string, int> OptimizersAndRanks => new(
        from name in Makers.Keys
        from world in new[] { 2, 4 }
        select (name, world));

    private static Dictionary<string, Func<IOptimizerFactory>> Makers { get; } = new(StringComparer.Ordinal)
    {
        ["SGD"] = () => new PlainSgd(),
        ["Adam"] = () => Optimizers.Adam(weightDecay: 0.01),
        ["AdamW"] = () => Optimizers.AdamW(),
        ["AdamW8Bit"] = () => Optimizers.AdamW8Bit(),
        ["Lion"] = () => Optimizers.Lion(),
        ["ScheduleFreeAdamW"] = () => Optimizers.ScheduleFreeAdamW(),
    };

    [Theory]
    [MemberData(nameof(OptimizersAndRanks))]
    public void Losses_weights_and_averages_are_the_same_bits_as_without_parts(string optimizer, int world)
    {
        SharedRun run = new() { Steps = 20, MicroBatchSize = 4, Optimizer = Makers[optimizer]() };

        AreSame(run, world);
    }

    [Fact]
    public void Clipping_is_by_the_norm_of_all_gradients()
    {
        SharedRun run = new() { Steps = 20, Optimizer = Optimizers.AdamW(), Configure = o => o.GradientClip = 0.01 };

        SharedRun.Outcome parts = AreSame(run, 4);

        parts.Reports.Should().AllSatisfy(report => report.ClippedShare.Should().Be(1));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void A_network_in_bfloat16_trains_the_same(int world)
    {
        SharedRun run = new()
        {
            Steps = 8,
            Optimizer = Optimizers.AdamW(),
            Configure = o => o.Precision = Precision.BFloat16,
            Model = rank => new UNet2D(Small, seed: 1 + rank),
        };

        AreSame(run, world);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void A_loss_scale_of_float16_falls_and_grows_the_same(int world)
    {
        SharedRun run = Float16Run(steps: 24);

        SharedRun.Outcome whole = run.On(world)[0];
        SharedRun.Outcome[] parts = (run with { Distributed = SharedRun.Sharded }).On(world);

        parts.Should().AllSatisfy(rank => rank.Weights.Should().Equal(whole.Weights));
        parts.Should().AllSatisfy(rank => rank.Average.Should().NotBeEmpty().And.Equal(whole.Average));
        parts[0].Losses.Should().Equal(whole.Losses);
        parts[0].Reports.Select(Scale).Should().Equal(whole.Reports.Select(Scale));
        whole.Reports.Zip(whole.Reports.Skip(1)).Should().Contain(pair => pair.Second.LossScale < pair.First.LossScale)
            .And.Contain(pair => pair.Second.LossScale > pair.First.LossScale);
        whole.DifferenceFrom(Float16Run(steps: 6).On(world)[0]).Should().BePositive("it trains");

        static (double?, long, double) Scale(TrainingProgress report) =>
            (report.LossScale, report.OverflowedSteps, report.GradientNorm);
    }

    [Fact]
    public void An_overflow_of_float16_on_one_rank_skips_the_step_of_all()
    {
        SharedRun run = Float16Run(steps: 8) with
        {
            Distributed = SharedRun.Sharded,
            Model = rank => new SteepModel(new PixelMixer(seed: 1 + rank), call => rank == 1 && call == 5 ? SteepModel.Steep : 0),
        };

        SharedRun.Outcome[] ranks = run.On(2);

        ranks[0].Reports.Select(report => report.OverflowedSteps).Should().Equal(0, 0, 1, 1, 1, 1, 1, 1);
        ranks[0].Reports[^1].SkippedSteps.Should().Be(0);
        ranks[1].Weights.Should().Equal(ranks[0].Weights);
        ranks[1].Average.Should().Equal(ranks[0].Average);
    }

    [Fact]
    public void A_run_in_float16_resumes_its_loss_scale_with_other_parts()
    {
        SharedRun run = Float16Run(steps: 24);
        SharedRun.Outcome whole = run.On(2)[0];
        using TemporaryFolder folder = new();
        SharedRun To(long steps, DistributedOptions distributed) => run with
        {
            Folder = folder.Path, Distributed = distributed,
            Configure = o =>
            {
                run.Configure(o);
                o.Steps = steps;
            },
        };

        To(10, SharedRun.Sharded).On(2);
        To(17, new SharedRun().Distributed).On(2);
        SharedRun.Outcome[] ends = To(24, SharedRun.Sharded).On(2);

        ends.Should().AllSatisfy(rank => rank.Weights.Should().Equal(whole.Weights));
        ends.Should().AllSatisfy(rank => rank.Average.Should().Equal(whole.Average));
        ends[0].Reports.Select(report => report.LossScale).Should().Equal(whole.Reports.Skip(17).Select(report => report.LossScale));
    }

    [Fact]
    public void Rules_and_frozen_parameters_train_the_same()
    {
        SharedRun run = new()
        {
            Steps = 12,
            Optimizer = Optimizers.AdamW(),
            Configure = o => o.ParameterRules =
            [
                new ParameterRule { Names = "time.*", RateFactor = 3 },
                new ParameterRule { Names = "conv_in.weight", Freezes = true },
                new ParameterRule { Names = "*.bias", Decays = true },
            ],
        };

        AreSame(run, 2);
        AreSame(run, 4);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void What_the_objective_learns_is_a_part_too(int world)
    {
        SharedRun run = new()
        {
            Steps = 12, Optimizer = Optimizers.AdamW(),
            Build = (builder, _) => builder.UseLossWeighting(LossWeighting.LearnedUncertainty()),
        };

        SharedRun.Outcome[] parts = (run with { Distributed = SharedRun.Sharded }).On(world);

        parts[0].LossDifferenceFrom(run.On(world)[0]).Should().BeLessThan(1e-5);
        parts.Should().AllSatisfy(rank => rank.Weights.Should().Equal(parts[0].Weights));
        (run with { Build = (_, _) => { } }).On(world)[0].LossDifferenceFrom(parts[0]).Should().BeGreaterThan(1e-3);
    }

    [Fact]
    public void The_held_out_loss_is_that_of_the_whole_average()
    {
        SharedRun run = new()
        {
            Steps = 10, MicroBatchSize = 2, Optimizer = Optimizers.AdamW(),
            Configure = o => (o.HoldOutFraction, o.HoldOutEverySteps) = (0.25, 5),
        };

        SharedRun.Outcome whole = run.On(4)[0];
        SharedRun.Outcome parts = (run with { Distributed = SharedRun.Sharded }).On(4)[0];

        parts.Reports.Select(report => report.HeldOutLoss).Should().Equal(whole.Reports.Select(report => report.HeldOutLoss))
            .And.Contain(loss => loss != null);
    }

    [Fact]
    public void A_gradient_that_is_not_finite_changes_no_part()
    {
        SharedRun run = new()
        {
            Steps = 6, Optimizer = Optimizers.AdamW(),
            Configure = o => o.Health = o.Health with { MaxGradientNorm = 1e-6 },
            Distributed = SharedRun.Sharded,
        };

        SharedRun.Outcome[] ranks = run.On(2);

        ranks[0].Reports[^1].SkippedSteps.Should().Be(6);
        using TinyModel initial = new();
        ranks.Should().AllSatisfy(rank => rank.Weights.Should().Equal(
            initial.parameters().SelectMany(parameter => parameter.data<float>().ToArray())));
        ranks.Should().AllSatisfy(rank => rank.Average.Should().Equal(rank.Weights));
    }

    [Fact]
    public void A_process_holds_its_share_of_the_optimizer_and_of_the_average()
    {
        const int World = 4;
        long[] Bytes(DistributedOptions options)
        {
            long[] bytes = new long[World];
            SharedRun run = new()
            {
                Steps = 6, Model = _ => new TinyModel(hidden: 256), Distributed = options, Optimizer = Optimizers.AdamW(),
                UseTrainer = (trainer, rank) => bytes[rank] = HeldBytes(trainer),
            };
            run.On(World);
            return bytes;
        }

        long whole = Bytes(new DistributedOptions())[0];

        whole.Should().BeGreaterThan(3 * sizeof(float) * 5_000);
        Bytes(SharedRun.Sharded).Should().AllSatisfy(bytes => bytes.Should().BeInRange(1, (long)(0.3 * whole)));
    }

    [Fact]
    public void A_single_process_trains_as_without_the_option()
    {
        SharedRun run = new() { Steps = 10, Optimizer = Optimizers.AdamW() };

        SharedRun.Outcome one = (run with { Distributed = SharedRun.Sharded }).On(1)[0];

        one.Weights.Should().Equal(run.Alone().Weights);
    }

    private static long HeldBytes(Trainer trainer) => trainer.State.Optimizer.State.Values
        .Concat(trainer.State.Averages.Select(average => average.Held))
        .Sum(tensor => tensor.numel() * tensor.ElementSize);

    // Returns the run of rank 0.
    // The first steps overflow until the scale has fallen, and three steps without an overflow let it grow.
    private static SharedRun Float16Run(long steps) => new()
    {
        Steps = steps,
        MicroBatchSize = 4,
        Optimizer = Optimizers.AdamW(),
        Configure = o => (o.Precision, o.LossScale) = (Precision.Float16, new LossScaleOptions { GrowthSteps = 3 }),
        Model = rank => new SteepModel(new PixelMixer(seed: 1 + rank), _ => SteepModel.Steep),
    };

    private static SharedRun.Outcome AreSame(SharedRun run, int world)
    {
        SharedRun.Outcome whole = run.On(world)[0];
        SharedRun.Outcome[] parts = (run with { Distributed = SharedRun.Sharded }).On(world);

        parts[0].Losses.Should().HaveCount((int)run.Steps).And.OnlyContain(loss => double.IsFinite(loss)).And.Equal(whole.Losses);
        parts[0].Reports.Select(report => report.GradientNorm).Should().Equal(whole.Reports.Select(report => report.GradientNorm));
        parts.Should().AllSatisfy(rank => rank.Weights.Should().Equal(whole.Weights));
        parts.Should().AllSatisfy(rank => rank.Average.Should().NotBeEmpty().And.Equal(whole.Average));
        return parts[0];
    }
}
