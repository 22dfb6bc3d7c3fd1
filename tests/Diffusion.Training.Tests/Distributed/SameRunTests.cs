using Diffusion.TestKit;

namespace Diffusion.Training.Tests.Distributed;

/// <summary>Several processes train as one does.</summary>
public sealed class SameRunTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 2)]
    [InlineData(2, 1)]
    [InlineData(2, 2)]
    [InlineData(4, 1)]
    [InlineData(4, 2)]
    public void Losses_and_weights_are_those_of_one_process(int world, int accumulation)
    {
        SharedRun.Outcome alone = new SharedRun().Alone();
        SharedRun.Outcome[] ranks = new SharedRun { MicroBatchSize = SharedRun.BatchSize / world / accumulation }.On(world);

        ranks[0].Losses.Should().HaveCount(50);
        ranks[0].LossDifferenceFrom(alone).Should().BeLessThan(1e-6);
        ranks[0].DifferenceFrom(alone).Should().BeLessThan(1e-6);
        ranks.Should().AllSatisfy(rank => rank.Weights.Should().Equal(ranks[0].Weights));
        ranks.Should().AllSatisfy(rank => rank.Average.Should().Equal(ranks[0].Average));
        alone.DifferenceFrom(new SharedRun { Configure = o => o.Seed = 8 }.Alone()).Should().BeGreaterThan(1e-3);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void AdamW_differs_from_one_process_by_no_more_than_twice_another_split_into_micro_batches(int world)
    {
        SharedRun run = new() { Optimizer = Optimizers.AdamW() };
        SharedRun.Outcome alone = run.Alone();
        double split = (run with { MicroBatchSize = SharedRun.BatchSize / world }).Alone().DifferenceFrom(alone);

        run.On(world)[0].DifferenceFrom(alone).Should().BeInRange(0, 2 * split);
    }

    [Fact]
    public void Dropout_of_a_micro_batch_is_that_of_one_process()
    {
        SharedRun run = new() { Dropout = 0.2, MicroBatchSize = 4, Steps = 20 };
        SharedRun.Outcome alone = run.Alone();

        run.On(2)[1].DifferenceFrom(alone).Should().BeLessThan(1e-6);
        run.On(4)[0].DifferenceFrom(alone).Should().BeLessThan(1e-6);
    }

    [Fact]
    public void A_group_of_one_process_changes_no_bit()
    {
        SharedRun run = new() { Optimizer = Optimizers.AdamW(), Dropout = 0.2, MicroBatchSize = 4, Steps = 20 };

        run.On(1)[0].Weights.Should().Equal(run.Alone().Weights);
    }

    [Fact]
    public void The_held_out_loss_and_the_losses_by_noise_are_those_of_one_process()
    {
        SharedRun run = new() { MicroBatchSize = 2, Steps = 10, Configure = o => (o.HoldOutFraction, o.HoldOutEverySteps) = (0.25, 5) };
        TrainingProgress alone = run.Alone().Reports[^1];
        TrainingProgress shared = run.On(4)[0].Reports[^1];

        shared.HeldOutLoss.Should().NotBeNull();
        shared.HeldOutLoss!.Value.Should().BeApproximately(alone.HeldOutLoss!.Value, 1e-6 * alone.HeldOutLoss.Value);
        shared.RelativeLoss.Should().BeApproximately(alone.RelativeLoss, 1e-5);
        shared.LossByLogSnr.Zip(alone.LossByLogSnr).Should().AllSatisfy(pair =>
            (double.IsNaN(pair.First) == double.IsNaN(pair.Second) && !(Math.Abs(pair.First - pair.Second) > 1e-5)).Should().BeTrue());
    }

    [Theory]
    [InlineData(Precision.BFloat16)]
    [InlineData(Precision.Best)]
    public void Ranks_round_the_same_weights_from_the_first_step_on(Precision precision)
    {
        HalfNetworks.Require(precision);
        SharedRun run = new()
        {
            Steps = 10,
            Configure = o => o.Precision = precision,
            Model = rank => new UNet2D(
                UNet2DOptions.ForImages(8, 1, UNet2DSize.Medium) with
                {
                    BlockOutChannels = [8], NormNumGroups = 4, AttentionHeadDim = 4,
                },
                seed: 1 + rank),
        };
        SharedRun.Outcome alone = run.Alone();

        SharedRun.Outcome[] ranks = run.On(2);

        ranks[0].LossDifferenceFrom(alone).Should().BeLessThan(0.01);
        ranks[1].Weights.Should().Equal(ranks[0].Weights);
        ranks[1].Average.Should().Equal(ranks[0].Average);
    }

    [Fact]
    public void Initial_weights_are_those_of_rank_0()
    {
        SharedRun run = new() { Steps = 6 };
        SharedRun.Outcome[] ranks = run.On(2);

        ranks[1].Weights.Should().Equal(ranks[0].Weights);
        ranks[1].Average.Should().Equal(ranks[0].Average);
        ranks[0].DifferenceFrom(run.Alone()).Should().BeLessThan(1e-6);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void A_run_continues_on_the_same_curve_with_another_number_of_processes(int last)
    {
        SharedRun run = new() { MicroBatchSize = 4, Dropout = 0.1, Steps = 30 };
        SharedRun.Outcome alone = run.Alone();
        using TemporaryFolder folder = new();
        SharedRun To(long steps) => run with { Folder = folder.Path, Configure = o => o.Steps = steps };

        double[] losses =
        [
            .. To(10).On(2)[0].Losses, .. To(20).Alone().Losses, .. To(30).On(last)[0].Losses,
        ];
        SharedRun.Outcome end = To(30).On(last)[1];

        losses.Should().HaveCount(30);
        losses.Zip(alone.Losses).Should().AllSatisfy(pair => pair.First.Should().BeApproximately(pair.Second, 1e-6 * pair.Second));
        end.DifferenceFrom(alone).Should().BeLessThan(1e-6);
    }
}
