using Diffusion.Data;
using Diffusion.TestKit;

namespace Diffusion.Training.Tests.Distributed;

/// <summary>Several processes plan a run together.</summary>
public sealed class SharedPlanTests
{
    private static readonly UNet2DOptions Small = UNet2DOptions.ForImages(8, 1, UNet2DSize.Medium) with
    {
        BlockOutChannels = [8], NormNumGroups = 4, AttentionHeadDim = 4,
    };

    [Fact]
    public void The_step_takes_as_long_as_on_the_slowest_rank()
    {
        TrainingPlan[] plans = On(2, rank => TimeSpan.FromMilliseconds(rank == 0 ? 100 : 300), stride: _ => TimeSpan.Zero);

        plans[1].ToJson().Should().Be(plans[0].ToJson());
        plans[1].ToReport().Should().Be(plans[0].ToReport());
        plans[0].StepTime.Should().Be(TimeSpan.FromMilliseconds(8 * 300), "each rank reads half of the 16 images");
        plans[0].Duration.Should().Be(1000 * plans[0].StepTime);
        (plans[0].Processes, plans[0].BatchSize, plans[0].ImagesPerProcess, plans[0].MicroBatchSize).Should().Be((2, 16, 8, 8));
        plans[0].ToReport().Should().Contain("16, 8 in each of 2 processes\n").And.Contain("communication").And.Contain(", in rank 0\n");
    }

    [Fact]
    public void Communication_is_measured_alone_and_the_slowest_rank_counts()
    {
        TrainingPlan[] plans = On(2, _ => TimeSpan.Zero, stride: rank => TimeSpan.FromSeconds(rank == 0 ? 5 : 2));

        plans[0].CommunicationTime.Should().Be(TimeSpan.FromSeconds(5));
        plans[1].CommunicationTime.Should().Be(plans[0].CommunicationTime);
        plans[0].Calibration.ForwardTime.Should().Be(TimeSpan.FromSeconds(5));
        Alone().CommunicationTime.Should().Be(TimeSpan.Zero);
    }

    [Fact]
    public void Processes_share_the_held_out_images()
    {
        static void HoldOut(TrainingOptions options) => (options.HoldOutFraction, options.HoldOutEverySteps) = (0.5, 100);
        TimeSpan stride = TimeSpan.FromSeconds(1);

        TrainingPlan two = On(2, _ => TimeSpan.Zero, HoldOut, _ => stride)[0];
        TrainingPlan alone = Alone(HoldOut, stride);

        // Half of the images in each process, in batches half as large that take as long by this clock.
        (two.Duration - (1000 * two.StepTime)).Should().BeCloseTo(alone.Duration - (1000 * alone.StepTime), TimeSpan.FromMilliseconds(1));
        two.Duration.Should().BeGreaterThan(1000 * two.StepTime);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void A_part_of_the_optimizer_takes_the_memory_that_the_plan_says(int world)
    {
        TrainingPlan whole = On(world, _ => TimeSpan.Zero)[0];
        TrainingPlan parts = On(world, _ => TimeSpan.Zero, distributed: SharedRun.Sharded)[world - 1];
        (long Optimizer, long Averages) held = default;
        _ = new SharedRun
        {
            Steps = 6, Optimizer = Optimizers.AdamW(), Distributed = SharedRun.Sharded,
            Model = rank => new UNet2D(Small, seed: 1 + rank),
            BeforeRun = (trainer, rank) => held = rank > 0
                ? held
                : (trainer.State.Optimizer.State.Values.Where(tensor => tensor.numel() > 1).Sum(tensor => tensor.numel() * sizeof(float)),
                    trainer.State.Averages.Sum(average => average.Held.numel() * sizeof(float))),
        }.On(world);

        parts.Memory!.Averages.Should().Be(held.Averages);
        parts.Memory.Optimizer.Should().BeInRange(held.Optimizer, 2 * held.Averages, "its tensors lie between gaps");
        parts.Memory.Averages.Should().BeInRange(whole.Memory!.Averages / world, (whole.Memory.Averages / world) + 512);
        parts.Memory.Optimizer.Should().Be(2 * parts.Memory.Averages);
        (parts.Memory.Parameters, parts.Memory.Gradients, parts.Memory.Activations, parts.Memory.MicroBatchSize).Should()
            .Be((whole.Memory.Parameters, whole.Memory.Gradients, whole.Memory.Activations, 16 / world));
        (parts.Memory.SavingCopy, parts.CheckpointBytes).Should().Be((whole.Memory.SavingCopy, whole.CheckpointBytes));
        parts.CheckpointBytes.Should().BePositive();
        Alone().Memory!.Optimizer.Should().Be(whole.Memory.Optimizer);
    }

    [Fact]
    public void A_rank_that_is_canceled_ends_all()
    {
        using CancellationTokenSource stop = new();
        int reads = 0;

        (_, Exception?[] each) = ThreadRanks.RunAll(2, group =>
        {
            using UNet2D model = new(Small, seed: 1);
            using StripedImages striped = new();
            WatchedImages images = new(striped, _ =>
            {
                if (group.Rank == 1 && Interlocked.Increment(ref reads) == 100)
                {
                    stop.Cancel();
                }
            });
            Builder(model, images, new MovedTime(), _ => { }).UseDistributed(group).PlanWith(
                new PlanOptions { CalibrationSteps = 1000 }, group.Rank == 1 ? stop.Token : TestContext.Current.CancellationToken);
        });

        each.Should().AllSatisfy(error => error.Should().BeOfType<OperationCanceledException>());
        reads.Should().BeLessThan(200);
    }

    private static TrainingPlan[] On(
        int world, Func<int, TimeSpan> perImage, Action<TrainingOptions>? configure = null, Func<int, TimeSpan>? stride = null,
        DistributedOptions? distributed = null)
    {
        using TemporaryFolder folder = new();
        TrainingPlan[] plans = new TrainingPlan[world];
        ThreadRanks.Run(world, group =>
        {
            MovedTime time = new(stride?.Invoke(group.Rank) ?? TimeSpan.FromSeconds(1));
            using UNet2D model = new(Small, seed: 1 + group.Rank);
            using StripedImages striped = new();
            WatchedImages images = new(striped, _ => time.Move(perImage(group.Rank)));
            plans[group.Rank] = Builder(model, images, time, configure).UseCheckpoints(folder.Path).UseDistributed(group, distributed)
                .PlanWith(new PlanOptions { CalibrationSteps = 2 }, TestContext.Current.CancellationToken);
        });
        return plans;
    }

    private static TrainingPlan Alone(Action<TrainingOptions>? configure = null, TimeSpan? stride = null)
    {
        using TemporaryFolder folder = new();
        using UNet2D model = new(Small, seed: 1);
        using StripedImages images = new();
        return Builder(model, images, new MovedTime(stride ?? TimeSpan.FromSeconds(1)), configure).UseCheckpoints(folder.Path)
            .PlanWith(new PlanOptions { CalibrationSteps = 2 }, TestContext.Current.CancellationToken);
    }

    private static TrainerBuilder Builder(
        IDiffusionModel model, IImageSource images, TimeProvider time, Action<TrainingOptions>? configure) =>
        Trainer.For(model).UseDevice(ComputeDevice.Cpu(threads: 1)).UseData(images).UseTimeProvider(time)
            .Configure(o =>
            {
                (o.BatchSize, o.Steps, o.Loading) = (16, 1000, new LoadingOptions { Workers = 0 });
                configure?.Invoke(o);
            });
}
