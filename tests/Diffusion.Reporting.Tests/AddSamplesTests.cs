using Diffusion.Sampling;
using Diffusion.TestKit;
using Diffusion.Training;
using Diffusion.Training.Tests.Distributed;
using Microsoft.Extensions.Options;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Reporting.Tests;

/// <summary>Images that the processes of a run sample together.</summary>
public sealed class AddSamplesTests
{
    private const string Broken = "the sampler is out of order.";
    private static readonly DdimSampler Sampler = new() { Steps = 4, Eta = 1 };

    /// <summary>One image at a time, so that the network computes the same bits whatever the share of a process is.</summary>
    private static readonly SampleRequest Request = new() { Count = 7, BatchSize = 1, Seed = 3, FirstIndex = 5 };

    [Theory]
    [InlineData(1, 7)]
    [InlineData(2, 7)]
    [InlineData(4, 7)]
    [InlineData(4, 2)]
    [InlineData(2, 1)]
    public void Rank_0_gets_the_images_of_one_process_in_their_order(int world, int count)
    {
        Taken taken = Sample(world, Sampler, Request with { Count = count });

        taken.Calls.Select(call => (call.Rank, call.Step)).Should().Equal((0, 3), (0, 6));
        taken.Calls[1].Shape.Should().Equal(count, 1, 8, 8);
        taken.Calls[1].Images.Should().Equal(taken.OfOneProcess);
        taken.Calls[0].Images.Should().NotEqual(taken.OfOneProcess, "the weights were others");
    }

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void Shares_in_batches_are_the_images_of_one_process_up_to_rounding(int world)
    {
        Taken taken = Sample(world, Sampler, Request with { Count = 9, BatchSize = 64 });

        taken.Calls[1].Images.Zip(taken.OfOneProcess, (own, one) => Math.Abs(own - one)).Max().Should().BeLessThanOrEqualTo(1e-5f);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void Classes_start_images_and_start_noise_stay_with_their_images(int world)
    {
        using Tensor images = arange(5 * 64).to(ScalarType.Float32).sin().view(5, 1, 8, 8);
        using Tensor noise = arange(5 * 64).to(ScalarType.Float32).cos().view(5, 1, 8, 8);
        SampleRequest request = Request with { Count = 5, ClassLabels = [0, 1, 2, 2, 0], StartImages = images, StartNoise = noise };
        SharedRun run = new()
        {
            Images = (_, _) => new StripedImages(classCount: 3), Model = rank => new TinyModel(classCount: 3, seed: 1 + rank),
        };

        Taken taken = Sample(world, Sampler with { Grid = new StrengthGrid(new TimestepGrid(), 0.5) }, request, run);

        taken.Calls[1].Images.Should().Equal(taken.OfOneProcess);
        Floats(images).Should().HaveCount(5 * 64, "the tensors of the request stay the caller's");
    }

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void Parts_of_the_average_are_put_together_for_the_sampling_and_released(int world)
    {
        List<Exception?> meanwhile = [];
        Trainer? first = null;
        SharedRun run = new()
        {
            Distributed = SharedRun.Sharded,
            BeforeRun = (trainer, rank) =>
            {
                if (rank == 0)
                {
                    first = trainer;
                }
            },
            Build = (builder, _) => builder.AddSamples(3, Sampler, Request, _ => meanwhile.Add(Record(first!))),
        };

        Taken taken = Sample(world, Sampler, Request, run);

        taken.Calls.Should().HaveCount(2);
        taken.Calls[1].Images.Should().Equal(taken.OfOneProcess);
        meanwhile.Should().HaveCount(2).And.AllSatisfy(error => error.Should().BeOfType<InvalidOperationException>()
            .Which.Message.Should().Contain("ShardOptimizer"));
    }

    [Theory]
    [InlineData(1, "none")]
    [InlineData(1, "default")]
    [InlineData(2, "none")]
    [InlineData(2, "default")]
    public void Samples_do_not_change_the_training(int world, string ema)
    {
        SharedRun run = new()
        {
            Steps = 8, MicroBatchSize = 4, Dropout = 0.2,
            Configure = o => o.Ema = ema == "none" ? ema : o.Ema,
        };
        List<long> steps = [];

        SharedRun.Outcome[] plain = run.On(world);
        SharedRun.Outcome[] sampled = (run with
        {
            Build = (builder, _) => builder.AddSamples(2, Sampler, Request, samples => steps.Add(samples.Step)),
        }).On(world);

        steps.Should().Equal(2, 4, 6, 8);
        sampled[0].Losses.Should().HaveCount(8).And.Equal(plain[0].Losses);
        sampled.Zip(plain).Should().AllSatisfy(pair => pair.First.Weights.Should().Equal(pair.Second.Weights));
        sampled.Zip(plain).Should().AllSatisfy(pair => pair.First.Average.Should().Equal(pair.Second.Average));
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, false)]
    [InlineData(1, true)]
    [InlineData(3, false)]
    public void A_sampler_that_throws_on_one_rank_is_a_finding_and_no_rank_waits_for_its_images(int bad, bool isSharded)
    {
        int calls = 0;
        List<long> used = [];
        SharedRun.Outcome[] ranks = new SharedRun
        {
            Steps = 6, Optimizer = Optimizers.AdamW(), Distributed = isSharded ? SharedRun.Sharded : new DistributedOptions(),
            Build = (builder, rank) => builder.AddSamples(
                3, new Scripted { Before = () => Break(rank == bad && calls++ == 0) }, Request, samples => used.Add(samples.Step)),
        }.On(4);

        used.Should().Equal(6);
        ranks.Should().AllSatisfy(rank => rank.Result.Step.Should().Be(6));
        ranks[0].Result.Findings.Should().ContainSingle(finding => finding.Kind == FindingKind.CallbackFailed).Which.Seen.Should()
            .Contain("sampler of AddSamples").And.Contain(Broken).And.Contain(bad == 0 ? "InvalidOperationException" : $"Rank {bad}: ");
    }

    [Fact]
    public void A_sampler_that_throws_in_a_single_process_is_a_finding()
    {
        SharedRun.Outcome alone = new SharedRun
        {
            Steps = 6, Build = (builder, _) => builder.AddSamples(3, new Scripted { Before = () => Break(true) }, Request, _ => { }),
        }.Alone();

        alone.Result.Step.Should().Be(6);
        alone.Result.Findings.Should().ContainSingle(finding => finding.Kind == FindingKind.CallbackFailed).Which.Seen.Should()
            .EndWith(Broken);
    }

    [Fact]
    public void A_sampler_that_cannot_sample_on_the_schedule_is_refused_before_the_run() =>
        new SharedRun { Build = (builder, _) => builder.AddSamples(3, new DdimSampler { Steps = 5000 }, Request, _ => { }) }
            .Invoking(run => run.Alone()).Should().Throw<OptionsValidationException>().Which.Failures.Should().ContainSingle()
            .Which.Should().StartWith("AddSamples: Steps is 5000, but must lie in 1..");

    [Fact]
    public void A_sampler_that_returns_other_images_is_a_finding()
    {
        SharedRun.Outcome[] ranks = new SharedRun
        {
            Steps = 6,
            Build = (builder, _) => builder.AddSamples(3, new Scripted { After = images => images.narrow(2, 0, 4) }, Request, _ => { }),
        }.On(2);

        ranks[0].Result.Findings.Should().ContainSingle(finding => finding.Kind == FindingKind.CallbackFailed).Which.Seen.Should()
            .Contain("The sampler of AddSamples returned Float32 [").And.Contain(", 1, 4, 8]")
            .And.Contain("but must return Float32 [").And.Contain(", 1, 8, 8] on the CPU.");
    }

    [Fact]
    public void A_callback_that_throws_becomes_a_finding_and_the_run_completes()
    {
        SharedRun.Outcome[] ranks = new SharedRun
        {
            Steps = 6, Build = (builder, _) => builder.AddSamples(3, Sampler, Request, _ => throw new IOException("no disk")),
        }.On(2);

        ranks.Should().AllSatisfy(rank => rank.Result.Step.Should().Be(6));
        ranks[0].Result.Findings.Should().Contain(finding => finding.Kind == FindingKind.CallbackFailed
            && finding.Seen == "A callback of AddSamples threw IOException: no disk");
    }

    [Fact]
    public void A_cancellation_ends_the_sampling_of_a_single_process()
    {
        using CancellationTokenSource stop = new();
        bool isUsed = false;
        SharedRun.Outcome alone = new SharedRun
        {
            Steps = 6, Tokens = [stop.Token],
            Build = (builder, _) => builder.AddSamples(3, new Scripted { Before = stop.Cancel }, Request, _ => isUsed = true),
        }.Alone();

        (alone.Result.StopReason, alone.Result.Step, isUsed).Should().Be((StopReason.Canceled, 3, false));
        alone.Result.Findings.Should().NotContain(finding => finding.Kind == FindingKind.CallbackFailed);
    }

    [Fact]
    public void A_rank_that_is_canceled_completes_its_share()
    {
        using CancellationTokenSource stop = new();
        Taken taken = Sample(2, new Scripted(), Request, new SharedRun
        {
            Tokens = [CancellationToken.None, stop.Token],
            Build = (builder, rank) => builder.AddSamples(
                3, new Scripted { Before = () => Cancel(stop, rank == 1) }, Request, samples => samples.Images.shape[0].Should().Be(7)),
        });

        taken.Ranks.Should().AllSatisfy(rank => (rank.Result.StopReason, rank.Result.Step).Should().Be((StopReason.Canceled, 4)));
        taken.Calls.Select(call => call.Step).Should().Equal(3);
        taken.Ranks[0].Result.Findings.Should().NotContain(finding => finding.Kind == FindingKind.CallbackFailed);
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(2, true)]
    public void Many_samplings_leave_as_many_tensors_as_a_few(int world, bool isSharded)
    {
        long[] Kept(int everySteps)
        {
            long[] kept = new long[world];
            SharedRun.Outcome[] ranks = new SharedRun
            {
                Steps = 24, Optimizer = Optimizers.AdamW(), Distributed = isSharded ? SharedRun.Sharded : new DistributedOptions(),
                BeforeRun = (_, rank) => kept[rank] = -LiveTensors.Count,
                Build = (builder, _) => builder.AddSamples(everySteps, Sampler, Request, _ => { }).AddPreview(everySteps, _ => { }),
                UseTrainer = (_, rank) => kept[rank] += LiveTensors.Count,
            }.On(world);
            ranks[0].Reports[^1].LeakedTensors.Should().BeEmpty();
            return kept;
        }

        Kept(everySteps: 1).Should().Equal(Kept(everySteps: 12));
    }

    [Fact]
    public void The_images_are_freed_after_the_call()
    {
        List<Tensor> seen = [];
        new SharedRun { Steps = 6, Build = (builder, _) => builder.AddSamples(3, Sampler, Request, samples => seen.Add(samples.Images)) }
            .On(2);

        seen.Should().HaveCount(2).And.OnlyContain(images => images.IsInvalid);
    }

    [Fact]
    public void Check_compares_the_images_with_the_data()
    {
        SharedRun.Outcome[] ranks = new SharedRun
        {
            Steps = 1000, Optimizer = Optimizers.AdamW(), Configure = o => o.ReportEverySteps = 500,
            Build = (builder, _) => builder.AddSamples(
                1000, new Scripted { After = images => ones_like(images) }, Request with { Count = 16 }, samples => samples.Check()),
        }.On(2);

        ranks[0].Result.Findings.Should().ContainSingle(finding => finding.Kind == FindingKind.ColorShift).Which.Step.Should().Be(1000);
    }

    [Fact]
    public void What_does_not_fit_is_refused_by_name_before_the_start()
    {
        static IEnumerable<string> Failures(int everySteps, SampleRequest request)
        {
            SharedRun run = new() { Build = (builder, _) => builder.AddSamples(everySteps, Sampler, request, _ => { }) };
            return run.Invoking(each => each.Alone()).Should().Throw<OptionsValidationException>().Which.Failures;
        }

        Failures(0, Request).Should().Equal("AddSamples: everySteps (0) must be at least 1. Use 1000.");
        Failures(-1, Request with { Count = 0, ClassLabels = [1] }).Should().HaveCount(3)
            .And.Contain("AddSamples: Count is 0, but must be at least 1.")
            .And.Contain("AddSamples: ClassLabels holds 1 labels, but the model has no classes. Leave ClassLabels null.");
        Failures(1, Request with { Shape = ImageShape.Square(8, channels: 3) }).Should().ContainSingle()
            .Which.Should().StartWith("AddSamples: ");
    }

    [Fact]
    public void A_sampler_whose_images_depend_on_each_other_is_refused_in_several_processes()
    {
        static SharedRun Run(int batchSize) => new()
        {
            Steps = 6,
            Build = (builder, _) => builder.AddSamples(1000, new DpmSolverAdaptive(), Request with { BatchSize = batchSize }, _ => { }),
        };

        Run(batchSize: 2).TryOn(2).Should().AllSatisfy(rank => rank.Error.Should().BeOfType<OptionsValidationException>()
            .Which.Failures.Should().ContainSingle().Which.Should().StartWith("AddSamples: DpmSolverAdaptive lets the images of a batch")
            .And.Contain("2 processes").And.EndWith("Use a BatchSize of 1 instead of 2, or another sampler."));
        Run(batchSize: 1).TryOn(2).Should().AllSatisfy(rank => rank.Error.Should().BeNull());
        Run(batchSize: 2).Alone().Result.Step.Should().Be(6);
    }

    [Fact]
    public void Processes_that_sample_different_images_are_refused_at_the_start()
    {
        static (SharedRun.Outcome? Result, Exception? Error)[] Ranks(Action<TrainerBuilder, int> build) =>
            new SharedRun { Build = build }.TryOn(2);

        Ranks((builder, rank) => builder.AddSamples(3 + rank, Sampler, Request, _ => { }))
            .Should().AllSatisfy(rank => rank.Error.Should().BeOfType<DistributedException>().Which.Message.Should().Contain("samples is "
                + "\"every 3 steps 7 images from 5 of seed 3 with DdimSampler { Steps = 4"));
        Ranks((builder, rank) => _ = rank == 0 ? builder.AddSamples(3, Sampler, Request, samples => samples.Check()) : builder)
            .Should().AllSatisfy(rank => rank.Error.Should().BeOfType<DistributedException>()
                .Which.Message.Should().Contain("on rank 0 and none on rank 1"));
    }

    [Fact]
    public void A_sampling_that_the_run_never_reaches_is_a_warning()
    {
        IReadOnlyList<TrainingWarning> warnings = [];
        _ = new SharedRun
        {
            Steps = 6, Build = (builder, _) => builder.AddSamples(7, Sampler, Request, _ => { }),
            BeforeRun = (trainer, _) => warnings = trainer.Warnings,
        }.Alone();

        warnings.Should().ContainSingle(warning => warning.Option == "AddSamples").Which.Text.Should()
            .Be("a sampling is due every 7 steps, but the run has only 6, so there is none. Use at most 6.");
    }

    [Fact]
    public void Nothing_may_be_missing()
    {
        using TinyModel model = new();
        TrainerBuilder builder = Trainer.For(model);

        FluentActions.Invoking(() => ((TrainerBuilder)null!).AddSamples(1, Sampler, Request, _ => { }))
            .Should().Throw<ArgumentNullException>().WithParameterName("builder");
        builder.Invoking(each => each.AddSamples(1, null!, Request, _ => { }))
            .Should().Throw<ArgumentNullException>().WithParameterName("sampler");
        builder.Invoking(each => each.AddSamples(1, Sampler, null!, _ => { }))
            .Should().Throw<ArgumentNullException>().WithParameterName("request");
        builder.Invoking(each => each.AddSamples(1, Sampler, Request, null!))
            .Should().Throw<ArgumentNullException>().WithParameterName("use");
    }

    /// <summary>Trains for 6 steps, samples at steps 3 and 6, and after the run once more in one process, with the same weights.</summary>
    private static Taken Sample(int world, ISampler sampler, SampleRequest request, SharedRun? run = null)
    {
        List<Call> calls = [];
        float[] expected = [];
        SharedRun given = run ?? new SharedRun();
        SharedRun.Outcome[] ranks = (given with
        {
            Steps = 6, MicroBatchSize = 4, Optimizer = Optimizers.AdamW(), Dropout = 0.1,
            Build = (builder, rank) =>
            {
                builder.UsePrediction(PredictionType.Velocity) // at no level is a rounding error multiplied
                    .AddSamples(3, sampler, request, samples => calls.Add(
                        new Call(rank, samples.Step, samples.Images.shape, Floats(samples.Images))));
                given.Build(builder, rank);
            },
            UseTrainer = (trainer, rank) =>
            {
                if (rank == 0)
                {
                    using Tensor images = sampler.Sample(
                        trainer.EmaDenoiser, request, cancellationToken: TestContext.Current.CancellationToken);
                    expected = Floats(images);
                }
            },
        }).On(world);
        return new Taken(calls, expected, ranks);
    }

    private static Exception? Record(Trainer trainer)
    {
        try
        {
            trainer.Ema!.Average.sum().Dispose();
            return null;
        }
        catch (InvalidOperationException error)
        {
            return error;
        }
    }

    private static float[] Floats(Tensor images) => images.data<float>().ToArray();

    private static void Break(bool isBad)
    {
        if (isBad)
        {
            throw new InvalidOperationException(Broken);
        }
    }

    private static void Cancel(CancellationTokenSource stop, bool isMeant)
    {
        if (isMeant)
        {
            stop.Cancel();
        }
    }

    private sealed record Call(int Rank, long Step, long[] Shape, float[] Images);

    private sealed record Taken(IReadOnlyList<Call> Calls, float[] OfOneProcess, SharedRun.Outcome[] Ranks);

    /// <summary>A usual sampler with code before and after it.</summary>
    private sealed class Scripted : ISampler
    {
        public Action Before { get; init; } = () => { };

        public Func<Tensor, Tensor> After { get; init; } = images => images;

        public Tensor Sample(IDenoiser denoiser, SampleRequest request, IProgress<SamplingProgress>? progress = null,
            CancellationToken cancellationToken = default)
        {
            Before();
            return After(Sampler.Sample(denoiser, request, progress, cancellationToken));
        }
    }
}
