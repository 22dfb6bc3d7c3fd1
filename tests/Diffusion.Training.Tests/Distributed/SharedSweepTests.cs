using Diffusion.Data;
using Diffusion.TestKit;

namespace Diffusion.Training.Tests.Distributed;

/// <summary>Several processes find the learning rate that one finds.</summary>
public sealed class SharedSweepTests
{
    private static readonly LrRangeOptions Short = new() { Lowest = 1e-4, Highest = 1, Steps = 30, ConfirmationSteps = 10 };

    [Theory]
    [InlineData(2, null)]
    [InlineData(4, null)]
    [InlineData(4, 2)]
    public void The_curve_and_the_suggestion_are_those_of_one_process(int world, int? microBatchSize)
    {
        LrRange alone = Sweep(null, Short, 0);

        LrRange[] ranks = On(world, Short, microBatchSize: microBatchSize);

        ranks.Should().AllSatisfy(rank => rank.ToJson().Should().Be(ranks[0].ToJson()));
        ranks[0].Points.Should().HaveCount(alone.Points.Count);
        ranks[0].StartLoss.Should().BeApproximately(alone.StartLoss, 1e-6 * alone.StartLoss);
        ranks[0].Points.Zip(alone.Points).Should().AllSatisfy(pair =>
        {
            pair.First.LearningRate.Should().Be(pair.Second.LearningRate);
            pair.First.Loss.Should().BeApproximately(pair.Second.Loss, 1e-5 * pair.Second.Loss);
        });
        ranks[0].Suggestion.LearningRate.Should().NotBeNull().And.Be(alone.Suggestion.LearningRate);
        ranks[0].Confirmation!.Candidates.Zip(alone.Confirmation!.Candidates).Should().HaveCount(3).And.AllSatisfy(pair =>
        {
            pair.First.LearningRate.Should().Be(pair.Second.LearningRate);
            pair.First.Loss.Should().BeApproximately(pair.Second.Loss, 1e-5 * pair.Second.Loss);
        });
        alone.Points.Min(point => point.Loss).Should().BeLessThan(0.9 * alone.StartLoss);
    }

    [Fact]
    public void Images_that_no_rank_can_read_change_nothing_of_the_measurement()
    {
        LrRange alone = Sweep(null, Short with { EvaluationImages = 7 }, 0, skips: true);

        LrRange[] ranks = On(4, Short with { EvaluationImages = 7 }, skips: true);

        ranks[3].Points.Zip(alone.Points).Should().AllSatisfy(pair =>
            pair.First.Loss.Should().BeApproximately(pair.Second.Loss, 1e-5 * pair.Second.Loss));
        alone.StartLoss.Should().NotBe(Sweep(null, Short with { EvaluationImages = 7 }, 0).StartLoss);
    }

    [Fact]
    public void Parts_of_the_optimizer_change_no_bit()
    {
        LrRangeOptions options = Short with { ConfirmationSteps = 0 };
        LrRange[] whole = On(2, options, optimizer: Optimizers.AdamW());

        LrRange[] parts = On(2, options, optimizer: Optimizers.AdamW(), distributed: SharedRun.Sharded);

        parts[1].ToJson().Should().Be(whole[0].ToJson());
    }

    [Fact]
    public void Only_rank_0_hears_of_the_steps_and_a_canceled_rank_ends_all_after_the_same_step()
    {
        using CancellationTokenSource stop = new();
        List<LrRangePoint>[] heard = [[], []];

        LrRange[] ranks = On(2, Short, progress: rank => new Observer(point =>
        {
            heard[rank].Add(point);
            if (heard[rank].Count == 9)
            {
                stop.Cancel();
            }
        }), token: rank => rank == 1 ? stop.Token : TestContext.Current.CancellationToken);

        ranks.Should().AllSatisfy(rank => rank.End.Should().Be(LrRangeEnd.Canceled));
        ranks[1].Points.Should().Equal(ranks[0].Points);
        ranks[0].Points.Should().HaveCountGreaterThanOrEqualTo(9).And.HaveCountLessThan(Short.Steps);
        heard[0].Should().HaveCount(ranks[0].Points.Count);
        heard[1].Should().BeEmpty();
    }

    [Fact]
    public void A_confirmation_that_one_rank_cancels_ends_on_all()
    {
        using CancellationTokenSource stop = new();
        int reads = 0;

        LrRange[] ranks = On(
            2, Short with { ConfirmationSteps = 1000 }, token: rank => rank == 0 ? stop.Token : TestContext.Current.CancellationToken,
            onRead: rank =>
            {
                if (rank == 0 && Interlocked.Increment(ref reads) == (Short.Steps * 8) + 200)
                {
                    stop.Cancel();
                }
            });

        ranks.Should().AllSatisfy(rank => rank.End.Should().Be(LrRangeEnd.Canceled));
        ranks[0].Points.Should().HaveCount(Short.Steps).And.Equal(ranks[1].Points);
        ranks[1].Confirmation.Should().BeNull();
    }

    [Fact]
    public void Ranks_that_try_other_rates_are_named()
    {
        (_, Exception?[] each) = ThreadRanks.RunAll(2, group =>
            Sweep(group, Short with { Steps = 30 + group.Rank }, group.Rank));

        each.Should().AllSatisfy(error => error.Should().BeOfType<DistributedException>()
            .Which.Message.Should().Contain("LrRangeOptions.Steps is 30 on rank 0 and 31 on rank 1"));
    }

    [Fact]
    public void A_trainer_of_the_same_builder_trains_on_the_same_group_afterwards()
    {
        ThreadRanks.Run(2, group =>
        {
            using TinyModel model = new(seed: 1 + group.Rank);
            using StripedImages images = new();
            TrainerBuilder builder = Builder(model, images, new PlainSgd()).UseDistributed(group).Configure(o => o.Steps = 3);
            builder.BuildLrRangeFinder(Short).Run(cancellationToken: TestContext.Current.CancellationToken);
            using Trainer trainer = builder.Build();
            trainer.Run(TestContext.Current.CancellationToken).Step.Should().Be(3);
        });
    }

    private static LrRange[] On(
        int world, LrRangeOptions options, int? microBatchSize = null, IOptimizerFactory? optimizer = null,
        DistributedOptions? distributed = null, bool skips = false, Func<int, IProgress<LrRangePoint>>? progress = null,
        Func<int, CancellationToken>? token = null, Action<int>? onRead = null)
    {
        LrRange[] ranges = new LrRange[world];
        ThreadRanks.Run(world, group => ranges[group.Rank] = Sweep(group, options, group.Rank, microBatchSize, optimizer, distributed,
            skips, progress?.Invoke(group.Rank), token?.Invoke(group.Rank), onRead));
        return ranges;
    }

    private static LrRange Sweep(
        IProcessGroup? group, LrRangeOptions options, int rank, int? microBatchSize = null, IOptimizerFactory? optimizer = null,
        DistributedOptions? distributed = null, bool skips = false, IProgress<LrRangePoint>? progress = null,
        CancellationToken? token = null, Action<int>? onRead = null)
    {
        using TinyModel model = new(seed: 1 + rank);
        using StripedImages striped = new();
        WatchedImages images = new(striped, index =>
        {
            onRead?.Invoke(rank);
            if (skips && index % 17 == 3)
            {
                throw new ImageDataException($"photo {index}", "the image is truncated.");
            }
        });
        TrainerBuilder builder = Builder(model, images, optimizer ?? new PlainSgd()).Configure(o =>
        {
            o.MicroBatchSize = microBatchSize;
            o.Loading = o.Loading with { BadImages = skips ? BadImagePolicy.Skip : o.Loading.BadImages, MaxBadFraction = 0.5 };
        });
        if (group is not null)
        {
            builder.UseDistributed(group, distributed);
        }

        return builder.BuildLrRangeFinder(options).Run(progress, token ?? TestContext.Current.CancellationToken);
    }

    private static TrainerBuilder Builder(IDiffusionModel model, IImageSource images, IOptimizerFactory optimizer) =>
        Trainer.For(model).UseDevice(ComputeDevice.Cpu(threads: 1)).UseData(images).UseOptimizer(optimizer)
            .Configure(o => o.BatchSize = 16);

    private sealed class Observer(Action<LrRangePoint> report) : IProgress<LrRangePoint>
    {
        public void Report(LrRangePoint value) => report(value);
    }
}
