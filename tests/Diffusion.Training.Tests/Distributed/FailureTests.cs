using Diffusion.Data;
using Diffusion.TestKit;
using Microsoft.Extensions.Options;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Distributed;

/// <summary>Processes that differ, fail or stop.</summary>
public sealed class FailureTests
{
    private const string Damaged = "the image is truncated.";

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void An_unreadable_image_of_one_rank_leaves_the_mean_over_all_others(int micro)
    {
        SharedRun run = new()
        {
            Steps = 10,
            MicroBatchSize = micro,
            Images = (images, _) => new WatchedImages(images, index => Break(index is 3 or 7 or 11 or 12)),
            Configure = o => o.Loading = new LoadingOptions { BadImages = BadImagePolicy.Skip, MaxBadFraction = 1 },
        };
        SharedRun.Outcome alone = run.Alone();
        SharedRun.Outcome[] ranks = run.On(4);

        ranks[2].DifferenceFrom(alone).Should().BeLessThan(1e-6);
        ranks[0].LossDifferenceFrom(alone).Should().BeLessThan(1e-6);
        ranks[0].Reports[^1].BadImages.Should().Be(alone.Reports[^1].BadImages).And.BeGreaterThan(4);
        (run with { Images = (images, _) => images }).Alone().DifferenceFrom(alone).Should().BeGreaterThan(1e-4);
    }

    [Fact]
    public void A_gradient_of_one_rank_that_is_not_finite_skips_the_step_on_all()
    {
        SharedRun run = new() { Steps = 12, Model = rank => new PoisonedModel(new TinyModel(), rank == 1 ? 8 : int.MaxValue) };
        SharedRun.Outcome[] ranks = run.On(2);

        ranks[0].Reports.Select(report => report.SkippedSteps).Should().BeInAscendingOrder().And.StartWith(0).And.EndWith(1);
        ranks[0].Reports.Should().HaveCount(12);
        ranks[1].Weights.Should().Equal(ranks[0].Weights).And.NotContain(weight => !float.IsFinite(weight));
    }

    [Fact]
    public void Canceling_one_rank_stops_all_at_the_same_step_and_saves_once()
    {
        using TemporaryFolder folder = new();
        using CancellationTokenSource second = new();
        int reads = 0;
        SharedRun run = new()
        {
            Folder = folder.Path,
            Tokens = [CancellationToken.None, second.Token, CancellationToken.None],
            Configure = o => (o.BatchSize, o.Loading) = (15, new LoadingOptions { Workers = 0 }),
            Images = (images, rank) => rank != 1 ? images : new WatchedImages(images, _ =>
            {
                // The start reads images too; each step reads 5.
                if (++reads == 100)
                {
                    second.Cancel();
                }
            }),
        };
        SharedRun.Outcome[] ranks = run.On(3);

        ranks.Select(rank => rank.Result.StopReason).Should().AllBeEquivalentTo(StopReason.Canceled);
        ranks.Select(rank => rank.Result.Step).Distinct().Should().ContainSingle().Which.Should().BeInRange(1, 20);
        ranks[1].Weights.Should().Equal(ranks[0].Weights);
        Directory.GetDirectories(Path.Combine(folder.Path, "checkpoints")).Should().ContainSingle();
        ranks.Select(rank => rank.Result.Checkpoint is null).Should().Equal(false, true, true);
    }

    [Fact]
    public void A_token_that_is_canceled_before_the_run_stops_all_before_the_first_step()
    {
        SharedRun.Outcome[] ranks = new SharedRun { Tokens = [CancellationToken.None, new(canceled: true)] }.On(2);

        ranks.Should().AllSatisfy(rank => (rank.Result.StopReason, rank.Result.Step).Should().Be((StopReason.Canceled, 0)));
    }

    [Fact]
    public void The_time_limit_of_one_rank_stops_all_at_the_same_step()
    {
        SharedRun.Outcome[] ranks = new SharedRun
        {
            Build = (builder, rank) => builder.Configure(o => o.TimeLimit = rank == 1 ? TimeSpan.FromTicks(1) : null),
        }.On(2);

        ranks.Should().AllSatisfy(rank => rank.Result.StopReason.Should().Be(StopReason.TimeLimit));
        ranks.Select(rank => rank.Result.Step).Distinct().Should().ContainSingle();
    }

    [Fact]
    public void Models_of_different_shape_are_named_on_every_rank()
    {
        (SharedRun.Outcome? Result, Exception? Error)[] ranks = new SharedRun
        {
            Model = rank => new TinyModel(hidden: rank == 2 ? 12 : 8),
            Configure = o => o.BatchSize = 15,
        }.TryOn(3);

        ranks.Should().AllSatisfy(rank => rank.Error.Should().BeOfType<DistributedException>()
            .Which.Message.Should().Contain("hidden: 8").And.Contain("hidden: 12").And.Contain("rank 2"));
    }

    [Fact]
    public void Parameters_of_different_shape_are_named_on_every_rank()
    {
        (SharedRun.Outcome? Result, Exception? Error)[] ranks = new SharedRun
        {
            Model = Frozen,
        }.TryOn(2);

        ranks.Should().AllSatisfy(rank => rank.Error.Should().BeOfType<DistributedException>()
            .Which.Message.Should().Contain("parameters.conv_in.weight is \"Float32 [8, 1, 3, 3]\" on rank 0 and "
                + "\"Float32 [8, 1, 3, 3] frozen\" on rank 1"));
    }

    [Fact]
    public void Different_options_are_named_on_every_rank()
    {
        (SharedRun.Outcome? Result, Exception? Error)[] ranks = new SharedRun
        {
            Build = (builder, rank) => builder.Configure(o => o.Seed = rank),
        }.TryOn(2);

        ranks.Should().AllSatisfy(rank => rank.Error.Should().BeOfType<DistributedException>()
            .Which.Message.Should().Contain("options.seed is 0 on rank 0 and 1 on rank 1"));
    }

    [Fact]
    public void Weights_that_change_on_one_rank_are_found_and_named()
    {
        using TinyModel first = new();
        (SharedRun.Outcome? Result, Exception? Error)[] ranks = new SharedRun
        {
            Steps = 20,
            Distributed = new DistributedOptions { CheckEverySteps = 10 },
            Model = rank => rank == 0 ? first : new TinyModel(),
            Build = (builder, _) => builder.AddPreview(8, preview => Overwrite(first, 0.5f)),
            Configure = o => o.BatchSize = 15,
        }.TryOn(3);

        ranks.Should().AllSatisfy(rank => rank.Error.Should().BeOfType<DistributedException>()
            .Which.Message.Should().Contain("The weights after step 10 are different on rank 0"));
    }

    [Fact]
    public void A_rank_that_fails_ends_the_others_with_its_message()
    {
        int reads = 0;
        (SharedRun.Outcome? Result, Exception? Error)[] ranks = new SharedRun
        {
            Images = (images, rank) => rank == 0
                ? images
                : new WatchedImages(images, index => Break(Interlocked.Increment(ref reads) > 80)),
            Configure = o => o.Loading = new LoadingOptions { BadImages = BadImagePolicy.Throw },
        }.TryOn(2);

        ranks[1].Error.Should().BeOfType<ImageDataException>();
        ranks[0].Error.Should().BeOfType<DistributedException>()
            .Which.Message.Should().MatchRegex("Rank 1 at step [1-9]").And.Contain(Damaged);
    }

    [Fact]
    public void A_run_that_rank_0_cannot_start_ends_the_others()
    {
        using TemporaryFolder folder = new();
        new SharedRun { Folder = folder.Path, Steps = 6 }.Alone();
        (SharedRun.Outcome? Result, Exception? Error)[] ranks = new SharedRun
        {
            Folder = folder.Path, Steps = 6, Configure = o => o.Seed = 9,
        }.TryOn(2);

        ranks[0].Error.Should().BeOfType<CheckpointException>();
        ranks[1].Error.Should().BeOfType<DistributedException>().Which.Message.Should().Contain("seed was 7 and is 9");
    }

    [Fact]
    public void A_run_that_diverges_rolls_back_on_all_ranks()
    {
        using TemporaryFolder folder = new();
        using TinyModel first = new();
        bool thrown = false;
        SharedRun.Outcome[] ranks = new SharedRun
        {
            Steps = 200,
            Folder = folder.Path,
            Optimizer = Optimizers.AdamW(),
            Distributed = new DistributedOptions { CheckEverySteps = null },
            Model = rank => rank == 0 ? first : new TinyModel(),
            Build = (builder, _) => builder.AddPreview(90, _ =>
            {
                if (!thrown)
                {
                    thrown = true;
                    Overwrite(first, 100);
                }
            }),
            Configure = o =>
            {
                (o.CheckpointEverySteps, o.ReportEverySteps) = (50, 10);
                o.Health = new HealthOptions { OnDivergence = DivergencePolicy.RollBack };
            },
        }.On(2);

        ranks.Should().AllSatisfy(rank => rank.Result.Findings.Should().Contain(finding => finding.Kind == FindingKind.Diverged));
        ranks.Should().AllSatisfy(rank => rank.Result.Step.Should().Be(200));
        ranks[0].Reports.Select(report => report.Step).Should().Equal(
            [.. Enumerable.Range(1, 10).Select(i => 10L * i), .. Enumerable.Range(6, 15).Select(i => 10L * i)]);
        ranks[1].Weights.Should().Equal(ranks[0].Weights);
    }

    [Theory]
    [InlineData(24, 8, 2, "BatchSize (24) must be a multiple of 2 processes x MicroBatchSize (8), 16. Use 16 or 32.")]
    [InlineData(6, 8, 2, "BatchSize (6) must be a multiple of 2 processes x MicroBatchSize (8), 16. Use 16.")]
    [InlineData(10, null, 4, "BatchSize (10) must be a multiple of the 4 processes. Use 8 or 12.")]
    public void A_batch_that_the_processes_cannot_share_is_refused(int batch, int? micro, int world, string message)
    {
        (SharedRun.Outcome? Result, Exception? Error)[] ranks = new SharedRun
        {
            MicroBatchSize = micro, Configure = o => o.BatchSize = batch,
        }.TryOn(world);

        ranks.Should().AllSatisfy(rank => rank.Error.Should().BeOfType<OptionsValidationException>()
            .Which.Failures.Should().ContainSingle().Which.Should().Be(message));
    }

    [Fact]
    public void An_objective_that_remembers_what_processes_cannot_share_is_refused()
    {
        (SharedRun.Outcome? Result, Exception? Error)[] ranks = new SharedRun
        {
            Build = (builder, _) => builder.UseObjective(new Remembering()),
        }.TryOn(2);

        ranks.Should().AllSatisfy(rank => rank.Error.Should().BeOfType<OptionsValidationException>()
            .Which.Message.Should().Contain("(own) remembers seen").And.Contain("does not run distributed"));
    }

    private static TinyModel Frozen(int rank)
    {
        TinyModel model = new();
        model.get_parameter("conv_in.weight")!.requires_grad = rank != 1;
        return model;
    }

    private static void Overwrite(TinyModel model, float bias)
    {
        using IDisposable noGradients = no_grad();
        model.get_parameter("conv_out.bias")!.fill_(bias);
    }

    private static void Break(bool isBad)
    {
        if (isBad)
        {
            throw new ImageDataException("photo", Damaged);
        }
    }

    /// <summary>Predicts a number that is not finite in one of its calls.</summary>
    private sealed class PoisonedModel(TinyModel inner, int badCall) : IDiffusionModel
    {
        private int calls;

        public nn.Module Network => inner;

        public ImageShape? SampleShape => null;

        public int? ClassCount => null;

        public bool HasDropout => false;

        public string Description => inner.Description;

        public Tensor Predict(Tensor noisy, Tensor labels, Conditioning conditioning)
        {
            Tensor prediction = inner.Predict(noisy, labels, conditioning);
            return ++calls == badCall ? prediction * float.NaN.ToScalar() : prediction;
        }

        public IDiffusionModel CreateTwin() => inner.CreateTwin();

        public IReadOnlyList<string> Problems(ImageShape shape, INoiseSchedule schedule) => inner.Problems(shape, schedule);

        public void Dispose() => inner.Dispose();
    }

    private sealed class Remembering : IObjective
    {
        private readonly Objective inner = new();

        public string Description => "own";

        public ITimeLaw Times => inner.Times;

        public ObjectiveState CreateState(Device device) =>
            new(null, new Dictionary<string, Tensor>(StringComparer.Ordinal) { ["seen"] = zeros(1) });

        public ObjectiveLoss Loss(ObjectiveInput input) => inner.Loss(input);
    }
}
