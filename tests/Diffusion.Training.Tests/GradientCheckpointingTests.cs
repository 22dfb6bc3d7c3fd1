using Diffusion.TestKit;
using Microsoft.Extensions.Options;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests;

/// <summary>Training with layers that are computed once more.</summary>
public sealed class GradientCheckpointingTests
{
    private static readonly UNet2DOptions Small = UNet2DOptions.ForImages(8, 1, UNet2DSize.Medium) with
    {
        BlockOutChannels = [8], NormNumGroups = 4, AttentionHeadDim = 4, Dropout = 0.3,
    };

    // Half of what checkpointing all blocks saves.
    private static MemoryEstimator Fitting
    {
        get
        {
            MemoryEstimator plain = MemoryEstimator.For(Small, ImageShape.Square(8, 1), new TrainingOptions());
            return new MemoryEstimator(plain)
            {
                GradientCheckpointing = GradientCheckpointing.Fit,
                MemoryBudgetBytes = plain.Estimate(3).Total - (plain.SavedByCheckpointing(3) / 2),
            };
        }
    }

    [Fact]
    public void Trained_weights_are_the_same_as_without_and_the_model_is_left_as_it_was()
    {
        using UNet2D plain = new(Small, seed: 3);
        using UNet2D checkpointed = new(Small, seed: 3);
        GradientCheckpointing? meanwhile = null;

        Train(plain, steps: 3, GradientCheckpointing.None);
        Train(checkpointed, steps: 3, GradientCheckpointing.All, _ => meanwhile = checkpointed.GradientCheckpointing);

        Bytes(checkpointed).Should().Equal(Bytes(plain));
        meanwhile.Should().Be(GradientCheckpointing.All);
        checkpointed.GradientCheckpointing.Should().Be(GradientCheckpointing.None);
    }

    [Theory]
    [InlineData(GradientCheckpointing.Attention)]
    [InlineData(GradientCheckpointing.Fit)]
    public void Only_the_chosen_blocks_run_twice_and_the_weights_are_the_same(GradientCheckpointing blocks)
    {
        string[] names =
        [
            "down_blocks.0.resnets.0", "down_blocks.0.resnets.1", "mid_block.resnets.0", "mid_block.resnets.1", "up_blocks.0.resnets.0",
            "up_blocks.0.resnets.1", "up_blocks.0.resnets.2",
        ];
        using UNet2D plain = new(Small, seed: 3);
        using UNet2D checkpointed = new(Small, seed: 3);
        int[] calls = new int[names.Length];
        for (int i = 0; i < names.Length; i++)
        {
            int number = i;
            GroupNorm norm = (GroupNorm)checkpointed.named_modules().Single(module => module.name == $"{names[i]}.norm1").module;
            norm.register_forward_hook((_, _, answer) =>
            {
                calls[number]++;
                return answer;
            });
        }

        Train(plain, steps: 2, GradientCheckpointing.None);
        Train(checkpointed, steps: 2, blocks);

        Bytes(checkpointed).Should().Equal(Bytes(plain));
        int[] expected = blocks == GradientCheckpointing.Attention
            ? [0, 1, 2, 4, 5, 6] // all but the second of the middle
            : [.. FittingLayers.Of(Fitting, microBatchSize: 3).Layers.Order()];
        expected.Length.Should().BeInRange(1, names.Length - 1);
        Enumerable.Range(0, names.Length).Where(i => calls[i] == calls.Min() + 4).Should().Equal(expected, "of four passes");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_budget_that_recomputation_alone_does_not_reach_is_warned_of(bool fits)
    {
        using UNet2D unet = new(Small);
        using StripedImages images = new(size: 8);
        using Trainer trainer = Trainer.For(unet).UseDevice(ComputeDevice.Cpu(threads: 1)).UseData(images).Configure(o =>
        {
            o.BatchSize = 3;
            o.GradientCheckpointing = GradientCheckpointing.Fit;
            o.MemoryBudgetBytes = fits ? Fitting.MemoryBudgetBytes : Fitting.Estimate(1).Parameters;
        }).Build();

        trainer.Warnings.Any(warning => warning.Option == nameof(TrainingOptions.MemoryBudgetBytes)).Should().Be(!fits);
    }

    [Fact]
    public void Blocks_that_fit_a_budget_are_not_chosen_for_a_network_whose_memory_is_not_known()
    {
        using SpiedModel model = new(new UNet2D(Small));
        using NumberedImages images = new(40);

        Refused(GradientCheckpointing.Fit).Should().Contain("GradientCheckpointing is Fit").And.Contain("SpiedModel").And
            .Contain("Use All");
        Refused(GradientCheckpointing.Attention).Should().Contain("GradientCheckpointing is Attention").And.Contain("SpiedModel").And
            .Contain("Use All");
        Refused((GradientCheckpointing)9).Should().Contain("GradientCheckpointing (9)").And.Contain("None, Attention, All, Fit");

        TrainerBuilder unused = Trainer.For(model).UseData(images).Configure(o => o.MemoryBudgetBytes = 1L << 30);
        unused.Invoking(b => b.Build()).Should().Throw<OptionsValidationException>().Which.Failures.Should()
            .Contain("MemoryBudgetBytes is 1073741824, but the memory of the model (SpiedModel) cannot be estimated: it is no UNet2D. "
                + "Leave it out, and set MicroBatchSize.");

        string Refused(GradientCheckpointing blocks) => ((Action)(() => Trainer.For(model).UseData(images)
            .Configure(o => o.GradientCheckpointing = blocks).Build())).Should().Throw<OptionsValidationException>().Which.Failures
            .Single(problem => problem.StartsWith("GradientCheckpointing", StringComparison.Ordinal));
    }

    [Fact]
    public void A_rate_can_be_sought_while_a_run_recomputes_blocks_that_fit()
    {
        using UNet2D unet = new(Small);
        LrRange? range = null;

        Train(unet, steps: 1, GradientCheckpointing.Fit, _ =>
        {
            using StripedImages images = new(size: 8);
            range = Trainer.For(unet).UseDevice(ComputeDevice.Cpu(threads: 1)).UseData(images).BuildLrRangeFinder()
                .Run(cancellationToken: new CancellationToken(canceled: true));
        });

        range!.End.Should().Be(LrRangeEnd.Canceled);
        unet.GradientCheckpointing.Should().Be(GradientCheckpointing.None);
    }

    [Fact]
    public void What_the_model_was_switched_to_by_hand_stays()
    {
        using UNet2D unet = new(Small) { GradientCheckpointing = GradientCheckpointing.All };

        List<GradientCheckpointing> meanwhile = [];
        Train(unet, steps: 1, GradientCheckpointing.None, _ => meanwhile.Add(unet.GradientCheckpointing));

        meanwhile.Should().NotBeEmpty().And.OnlyContain(blocks => blocks == GradientCheckpointing.All);
        unet.GradientCheckpointing.Should().Be(GradientCheckpointing.All);
    }

    [Fact]
    public void A_network_on_patches_is_checkpointed_too()
    {
        UNet2DOptions options = Small with { SampleSize = 4, InChannels = 4, OutChannels = 4 };
        using PatchedModel plain = new(new UNet2D(options, seed: 3), 2);
        using PatchedModel checkpointed = new(new UNet2D(options, seed: 3), 2);
        GradientCheckpointing? meanwhile = null;

        Train(plain, steps: 3, GradientCheckpointing.None);
        Train(checkpointed, steps: 3, GradientCheckpointing.All, _ => meanwhile = checkpointed.Checkpointing!.GradientCheckpointing);

        Bytes((UNet2D)checkpointed.Inner).Should().Equal(Bytes((UNet2D)plain.Inner));
        meanwhile.Should().Be(GradientCheckpointing.All);
    }

    [Theory]
    [InlineData(GradientCheckpointing.All, GradientCheckpointing.None)]
    [InlineData(GradientCheckpointing.None, GradientCheckpointing.Fit)]
    [InlineData(GradientCheckpointing.Fit, GradientCheckpointing.Attention)]
    public void A_resumed_run_may_switch_it_and_ends_with_the_same_bits(GradientCheckpointing first, GradientCheckpointing then)
    {
        using TemporaryFolder folder = new();
        using UNet2D whole = new(Small, seed: 3);
        using UNet2D begun = new(Small, seed: 3);
        using UNet2D resumed = new(Small, seed: 4);

        Train(whole, steps: 4, GradientCheckpointing.None, run: folder.File("whole"));
        Train(begun, steps: 4, first, run: folder.File("run"), stopAt: 2);
        Train(resumed, steps: 4, then, run: folder.File("run"));

        Bytes(resumed).Should().Equal(Bytes(whole));
        Bytes(begun).Should().NotEqual(Bytes(whole));
    }

    [Fact]
    public void A_self_conditioned_network_has_the_same_losses_and_weights()
    {
        UNet2DOptions options = Small with { InChannels = 2, OutChannels = 1 };
        using SelfConditionedModel plain = new(new UNet2D(options, seed: 3));
        using SelfConditionedModel checkpointed = new(new UNet2D(options, seed: 3));
        List<double> losses = [];
        List<double> again = [];

        Train(plain, steps: 6, GradientCheckpointing.None, progress => losses.Add(progress.Loss), selfConditions: true);
        Train(checkpointed, steps: 6, GradientCheckpointing.All, progress => again.Add(progress.Loss), selfConditions: true);

        again.Should().HaveCount(6).And.Equal(losses);
        Bytes((UNet2D)checkpointed.Inner).Should().Equal(Bytes((UNet2D)plain.Inner));
    }

    [Fact]
    public void Steps_leave_no_tensors_behind()
    {
        using UNet2D unet = new(Small);
        List<long> live = [];

        LiveTensors.Settle();
        Train(unet, steps: 5, GradientCheckpointing.All, progress => live.Add(LiveTensors.OfProcess));

        live[2..].Should().OnlyContain(count => count <= live[1]);
    }

    [Fact]
    public void A_layer_that_fails_when_it_is_computed_again_ends_the_run_with_its_own_error()
    {
        using UNet2D unet = new(Small);
        int calls = 0;
        GroupNorm norm = (GroupNorm)unet.named_modules().Single(module => module.name == "mid_block.resnets.0.norm1").module;
        norm.register_forward_hook((_, _, answer) => ++calls == 2 ? throw new FormatException("broken") : answer);

        ((Action)(() => Train(unet, steps: 2, GradientCheckpointing.All))).Should().Throw<FormatException>().WithMessage("broken");

        unet.GradientCheckpointing.Should().Be(GradientCheckpointing.None);
    }

    [Fact]
    public void A_model_that_cannot_is_refused_with_the_other_problems()
    {
        using TinyModel model = new();
        using NumberedImages images = new(40);
        TrainerBuilder builder = Trainer.For(model).UseData(images).Configure(o =>
        {
            o.GradientCheckpointing = GradientCheckpointing.All;
            o.Steps = 0;
        });

        builder.Invoking(b => b.Build()).Should().Throw<OptionsValidationException>().Which.Failures
            .Should().Contain(problem => problem.StartsWith("Steps", StringComparison.Ordinal))
            .And.Contain(
                "GradientCheckpointing is All, but the model (TinyModel) does not implement IGradientCheckpointing. "
                + "Leave it out, or use a smaller MicroBatchSize.");
    }

    [Fact]
    public void A_sweep_of_the_learning_rate_computes_the_layers_of_its_copy_again()
    {
        using UNet2D plain = new(Small, seed: 3);
        using SpiedModel spied = new(new UNet2D(Small, seed: 3));

        LrRange expected = Sweep(plain, GradientCheckpointing.None);
        LrRange actual = Sweep(spied, GradientCheckpointing.All);

        actual.Points.Should().Equal(expected.Points);
        spied.TwinsSwitchedOn.Should().Be(1);
        spied.GradientCheckpointing.Should().Be(GradientCheckpointing.None, "the sweep works on a copy");

        static LrRange Sweep(IDiffusionModel model, GradientCheckpointing checkpointing)
        {
            using StripedImages images = new(size: 8);
            return Trainer.For(model).UseDevice(ComputeDevice.Cpu(threads: 1)).UseData(images)
                .Configure(o => { o.BatchSize = 4; o.GradientCheckpointing = checkpointing; })
                .BuildLrRangeFinder(new LrRangeOptions { Steps = 20, Highest = 1e-2, ConfirmationSteps = 0 })
                .Run(cancellationToken: TestContext.Current.CancellationToken);
        }
    }

    private static void Train(
        IDiffusionModel model, int steps, GradientCheckpointing checkpointing, Action<TrainingProgress>? observe = null, string? run = null,
        int? stopAt = null, bool selfConditions = false)
    {
        using StripedImages images = new(size: 8);
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        using Trainer trainer = Trainer.For(model)
            .UseDevice(ComputeDevice.Cpu(threads: 1))
            .UseData(images)
            .ReportTo(new Observer(progress =>
            {
                observe?.Invoke(progress);
                if (progress.Step == stopAt)
                {
                    stop.Cancel();
                }
            }))
            .Configure(o =>
            {
                o.Steps = steps;
                o.BatchSize = 6;
                o.MicroBatchSize = 3;
                o.ReportEverySteps = 1;
                o.LearningRate = LearningRate.Constant(1e-2).WithWarmup(0);
                o.RunFolder = run;
                o.Objective = o.Objective with { SelfConditioning = selfConditions ? 0.5 : 0 };
                o.GradientCheckpointing = checkpointing;
                o.MemoryBudgetBytes = checkpointing == GradientCheckpointing.Fit ? Fitting.MemoryBudgetBytes : null;
            })
            .Build();
        trainer.Run(stop.Token);
    }

    private static byte[] Bytes(UNet2D unet) => [.. unet.NamedTensors().SelectMany(weights => weights.Value.bytes.ToArray())];

    private sealed class Observer(Action<TrainingProgress> observe) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => observe(value);
    }

    private sealed class SpiedModel(UNet2D network, SpiedModel? original = null) : IDiffusionModel, IGradientCheckpointing
    {
        public int TwinsSwitchedOn { get; private set; }

        public GradientCheckpointing GradientCheckpointing
        {
            get => network.GradientCheckpointing;
            set
            {
                network.GradientCheckpointing = value;
                if (value == GradientCheckpointing.All && original is not null)
                {
                    original.TwinsSwitchedOn++;
                }
            }
        }

        public Exception? RecomputationFailure => network.RecomputationFailure;

        public nn.Module Network => network;

        public ImageShape? SampleShape => network.SampleShape;

        public int? ClassCount => network.ClassCount;

        public bool HasDropout => network.HasDropout;

        public string Description => network.Description;

        public Tensor Predict(Tensor noisy, Tensor labels, Conditioning conditioning) => network.Predict(noisy, labels, conditioning);

        public IDiffusionModel CreateTwin() => new SpiedModel((UNet2D)network.CreateTwin(), this);

        public IReadOnlyList<string> Problems(ImageShape shape, INoiseSchedule schedule) => network.Problems(shape, schedule);

        public void Dispose() => network.Dispose();
    }
}
