using Diffusion.TestKit;
using Diffusion.Training.Tests.Distributed;

namespace Diffusion.Training.Tests.Memory;

/// <summary>A batch that does not fit the memory is trained in several passes.</summary>
public sealed class BatchSplitTests
{
    private static readonly UNet2DOptions Small = UNet2DOptions.ForImages(8, 1, UNet2DSize.Medium) with
    {
        BlockOutChannels = [8], NormNumGroups = 4, AttentionHeadDim = 4,
    };

    [Theory]
    [InlineData(6, null)]
    [InlineData(5, 3)]
    [InlineData(3, 3)]
    [InlineData(2, 2)]
    [InlineData(1, 1)]
    public void Passes_are_as_large_as_the_memory_allows(int imagesThatFit, int? expected)
    {
        using UNet2D unet = new(Small, seed: 3);
        using StripedImages images = new(size: 8);
        using Trainer trainer = WithinMemoryOf(unet, images, imagesThatFit).Build();

        trainer.State.Manifest().Options.MicroBatchSize.Should().Be(expected);
        string[] said = [.. trainer.Warnings.Where(warning => warning.Option == nameof(TrainingOptions.MicroBatchSize))
            .Select(warning => warning.Text)];
        if (expected is { } size)
        {
            said.Single().Should().Contain("6 images at a time would take").And.Contain($"in {6 / size} passes of {size}");
        }
        else
        {
            said.Should().BeEmpty();
        }
    }

    [Fact]
    public void The_weights_are_those_of_a_run_with_that_size()
    {
        using UNet2D split = new(Small, seed: 3);
        using UNet2D given = new(Small, seed: 3);

        StripedRun.Train(split, steps: 3, o => (o.MicroBatchSize, o.MemoryBudgetBytes) = (null, MemoryOf(2)));
        StripedRun.Train(given, steps: 3, o => o.MicroBatchSize = 2);

        StripedRun.Bytes(split).Should().Equal(StripedRun.Bytes(given));
    }

    [Fact]
    public void A_size_that_is_given_stays_and_is_warned_of()
    {
        using UNet2D unet = new(Small, seed: 3);
        using StripedImages images = new(size: 8);
        using Trainer trainer = WithinMemoryOf(unet, images, 2).Configure(o => o.MicroBatchSize = 3).Build();

        trainer.State.Manifest().Options.MicroBatchSize.Should().Be(3);
        trainer.Warnings.Single(warning => warning.Option == nameof(TrainingOptions.MemoryBudgetBytes)).Text.Should()
            .Contain("Use a MicroBatchSize of at most 2.");
    }

    [Fact]
    public void Memory_that_is_too_small_for_one_image_is_warned_of()
    {
        using UNet2D unet = new(Small, seed: 3);
        using StripedImages images = new(size: 8);
        using Trainer trainer = WithinMemoryOf(unet, images, 2).Configure(o => o.MemoryBudgetBytes = 1).Build();

        trainer.State.Manifest().Options.MicroBatchSize.Should().Be(1);
        trainer.Warnings.Select(warning => warning.Text).Should()
            .ContainSingle(message => message.Contains("Use smaller images or a smaller network.", StringComparison.Ordinal));
    }

    [Fact]
    public void Recomputed_blocks_come_before_smaller_passes()
    {
        MemoryEstimator plain = MemoryEstimator.For(Small, ImageShape.Square(8, 1), new TrainingOptions());
        using UNet2D unet = new(Small, seed: 3);
        using StripedImages images = new(size: 8);
        TrainerBuilder builder = WithinMemoryOf(unet, images, 6).Configure(o => o.GradientCheckpointing = GradientCheckpointing.Fit);
        MemoryEstimator all = new(plain) { GradientCheckpointing = GradientCheckpointing.All };

        using (Trainer trainer = builder.Configure(o => o.MemoryBudgetBytes = all.Estimate(6).Total).Build())
        {
            trainer.State.Manifest().Options.MicroBatchSize.Should().BeNull();
        }

        using (Trainer trainer = builder.Configure(o => o.MemoryBudgetBytes = all.Estimate(3).Total).Build())
        {
            trainer.State.Manifest().Options.MicroBatchSize.Should().Be(3);
        }
    }

    [Fact]
    public void The_plan_makes_the_same_passes()
    {
        using UNet2D unet = new(Small, seed: 3);
        using StripedImages images = new(size: 8);

        TrainingPlan plan = WithinMemoryOf(unet, images, 3)
            .PlanWith(new PlanOptions { CalibrationSteps = 1 }, TestContext.Current.CancellationToken);

        plan.ToReport().Should().Contain("6, in 2 passes of 3\n");
        plan.Memory!.MicroBatchSize.Should().Be(3);
    }

    [Fact]
    public void Each_process_splits_its_share()
    {
        SharedRun run = new()
        {
            Steps = 6, Optimizer = Optimizers.AdamW(), Model = _ => new UNet2D(Small, seed: 3),
            Configure = o => o.MemoryBudgetBytes = MemoryOf(4),
            BeforeRun = (trainer, _) => trainer.State.Manifest().Options.MicroBatchSize.Should().Be(4),
        };
        SharedRun given = run with { MicroBatchSize = 4, Configure = _ => { } };

        SharedRun.Outcome[] split = run.On(2);

        split[1].Weights.Should().Equal(split[0].Weights);
        split[0].Weights.Should().Equal(given.On(2)[0].Weights);
    }

    // Six images per step.
    private static TrainerBuilder WithinMemoryOf(UNet2D unet, StripedImages images, int imagesThatFit) =>
        StripedRun.Builder(unet, images, steps: 3)
            .Configure(o => (o.MicroBatchSize, o.MemoryBudgetBytes) = (null, MemoryOf(imagesThatFit)));

    private static long MemoryOf(int images) =>
        MemoryEstimator.For(Small, ImageShape.Square(8, 1), new TrainingOptions()).Estimate(images).Total;
}
