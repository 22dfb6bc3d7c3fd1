using Diffusion.Data;
using Diffusion.TestKit;

namespace Diffusion.Training.Tests.Distributed;

/// <summary>Several processes remember the losses of all, and draw times by them as one does.</summary>
public sealed class SharedMomentsTests
{
    private static readonly SharedRun Run = new()
    {
        Steps = 20, Build = (builder, _) => builder.UseTimeLaw(TimeLaw.SecondMoment(parts: 4, history: 3)),
    };

    [Theory]
    [InlineData(2, null)]
    [InlineData(4, null)]
    [InlineData(2, 4)]
    public void The_history_is_that_of_one_process(int world, int? microBatchSize)
    {
        (SharedRun.Outcome alone, Moments expected) = Alone(Run);

        (SharedRun.Outcome[] ranks, Moments[] moments) = On(Run with { MicroBatchSize = microBatchSize }, world);

        expected.Counts.Sum().Should().Be(20 * SharedRun.BatchSize);
        moments.Should().AllSatisfy(each => each.Counts.Should().Equal(expected.Counts));
        moments.Should().AllSatisfy(each => each.Losses.Should().Equal(moments[0].Losses));
        moments[0].Losses.Zip(expected.Losses).Should().AllSatisfy(pair =>
            pair.First.Should().BeApproximately(pair.Second, 1e-5 * pair.Second));
        ranks[0].LossDifferenceFrom(alone).Should().BeLessThan(1e-5);
        ranks[0].DifferenceFrom(alone).Should().BeLessThan(1e-5);
        alone.DifferenceFrom((Run with { Build = (_, _) => { } }).Alone()).Should().BeGreaterThan(1e-3, "other times are drawn");
    }

    [Fact]
    public void Images_that_cannot_be_read_are_not_remembered()
    {
        SharedRun run = Run with
        {
            Configure = o => o.Loading = o.Loading with { BadImages = BadImagePolicy.Skip, MaxBadFraction = 0.5 },
            Images = (images, _) => new WatchedImages(images, index =>
            {
                if (index % 7 == 3)
                {
                    throw new ImageDataException($"photo {index}", "the image is truncated.");
                }
            }),
        };
        (_, Moments expected) = Alone(run);

        (_, Moments[] moments) = On(run, 4);

        expected.Counts.Sum().Should().BeLessThan(20 * SharedRun.BatchSize);
        moments.Should().AllSatisfy(each => each.Counts.Should().Equal(expected.Counts));
    }

    [Fact]
    public void A_run_continues_with_its_history_and_another_number_of_processes()
    {
        (SharedRun.Outcome alone, Moments expected) = Alone(Run);
        using TemporaryFolder folder = new();
        SharedRun To(long steps) => Run with { Folder = folder.Path, Configure = o => o.Steps = steps };

        To(7).On(2);
        (To(14) with { Distributed = SharedRun.Sharded }).On(4);
        (SharedRun.Outcome end, Moments moments) = Alone(To(20));

        moments.Counts.Should().Equal(expected.Counts);
        end.DifferenceFrom(alone).Should().BeLessThan(1e-5);
    }

    private static (SharedRun.Outcome Outcome, Moments Moments) Alone(SharedRun run)
    {
        Moments? moments = null;
        SharedRun.Outcome outcome = (run with { UseTrainer = (trainer, _) => moments = Moments.Of(trainer) }).Alone();
        return (outcome, moments!);
    }

    private static (SharedRun.Outcome[] Outcomes, Moments[] Moments) On(SharedRun run, int world)
    {
        Moments[] moments = new Moments[world];
        SharedRun.Outcome[] outcomes = (run with { UseTrainer = (trainer, rank) => moments[rank] = Moments.Of(trainer) }).On(world);
        return (outcomes, moments);
    }

    private sealed record Moments(double[] Losses, long[] Counts)
    {
        public static Moments Of(Trainer trainer) => new(
            [.. trainer.State.Objective!.Tensors["second-moment.losses"].data<double>()],
            [.. trainer.State.Objective.Tensors["second-moment.counts"].data<long>()]);
    }
}
