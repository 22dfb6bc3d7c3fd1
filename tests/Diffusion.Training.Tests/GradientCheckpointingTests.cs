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

    [Fact]
    public void Trained_weights_are_the_same_as_without_and_the_model_is_left_as_it_was()
    {
        using UNet2D plain = new(Small, seed: 3);
        using UNet2D checkpointed = new(Small, seed: 3);
        bool? meanwhile = null;

        Train(plain, steps: 3, checkpointing: false);
        Train(checkpointed, steps: 3, checkpointing: true, _ => meanwhile = checkpointed.GradientCheckpointing);

        Bytes(checkpointed).Should().Equal(Bytes(plain));
        meanwhile.Should().BeTrue();
        checkpointed.GradientCheckpointing.Should().BeFalse();
    }

    [Fact]
    public void What_the_model_was_switched_to_by_hand_stays()
    {
        using UNet2D unet = new(Small) { GradientCheckpointing = true };

        List<bool> meanwhile = [];
        Train(unet, steps: 1, checkpointing: false, _ => meanwhile.Add(unet.GradientCheckpointing));

        meanwhile.Should().NotBeEmpty().And.OnlyContain(isOn => isOn);
        unet.GradientCheckpointing.Should().BeTrue();
    }

    [Fact]
    public void A_network_on_patches_is_checkpointed_too()
    {
        UNet2DOptions options = Small with { SampleSize = 4, InChannels = 4, OutChannels = 4 };
        using PatchedModel plain = new(new UNet2D(options, seed: 3), 2);
        using PatchedModel checkpointed = new(new UNet2D(options, seed: 3), 2);
        bool? meanwhile = null;

        Train(plain, steps: 3, checkpointing: false);
        Train(checkpointed, steps: 3, checkpointing: true, _ => meanwhile = checkpointed.Checkpointing!.GradientCheckpointing);

        Bytes((UNet2D)checkpointed.Inner).Should().Equal(Bytes((UNet2D)plain.Inner));
        meanwhile.Should().BeTrue();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_resumed_run_may_switch_it_and_ends_with_the_same_bits(bool first)
    {
        using TemporaryFolder folder = new();
        using UNet2D whole = new(Small, seed: 3);
        using UNet2D begun = new(Small, seed: 3);
        using UNet2D resumed = new(Small, seed: 4);

        Train(whole, steps: 4, checkpointing: false, run: folder.File("whole"));
        Train(begun, steps: 4, checkpointing: first, run: folder.File("run"), stopAt: 2);
        Train(resumed, steps: 4, checkpointing: !first, run: folder.File("run"));

        Bytes(resumed).Should().Equal(Bytes(whole));
        Bytes(begun).Should().NotEqual(Bytes(whole));
    }

    [Fact]
    public void Steps_leave_no_tensors_behind()
    {
        using UNet2D unet = new(Small);
        List<long> live = [];

        LiveTensors.Settle();
        Train(unet, steps: 5, checkpointing: true, progress => live.Add(LiveTensors.OfProcess));

        live[2..].Should().OnlyContain(count => count <= live[1]);
    }

    [Fact]
    public void A_layer_that_fails_when_it_is_computed_again_ends_the_run_with_its_own_error()
    {
        using UNet2D unet = new(Small);
        int calls = 0;
        GroupNorm norm = (GroupNorm)unet.named_modules().Single(module => module.name == "mid_block.resnets.0.norm1").module;
        norm.register_forward_hook((_, _, answer) => ++calls == 2 ? throw new FormatException("broken") : answer);

        ((Action)(() => Train(unet, steps: 2, checkpointing: true))).Should().Throw<FormatException>().WithMessage("broken");

        unet.GradientCheckpointing.Should().BeFalse();
    }

    [Fact]
    public void A_model_that_cannot_is_refused_with_the_other_problems()
    {
        using TinyModel model = new();
        using NumberedImages images = new(40);
        TrainerBuilder builder = Trainer.For(model).UseData(images).Configure(o =>
        {
            o.GradientCheckpointing = true;
            o.Steps = 0;
        });

        builder.Invoking(b => b.Build()).Should().Throw<OptionsValidationException>().Which.Failures
            .Should().Contain(problem => problem.StartsWith("Steps", StringComparison.Ordinal))
            .And.Contain(
                "GradientCheckpointing is True, but the model (TinyModel) does not implement IGradientCheckpointing. "
                + "Leave it out, or use a smaller MicroBatchSize.");
    }

    [Fact]
    public void A_sweep_of_the_learning_rate_computes_the_layers_of_its_copy_again()
    {
        using UNet2D plain = new(Small, seed: 3);
        using SpiedModel spied = new(new UNet2D(Small, seed: 3));

        LrRange expected = Sweep(plain, checkpointing: false);
        LrRange actual = Sweep(spied, checkpointing: true);

        actual.Points.Should().Equal(expected.Points);
        spied.TwinsSwitchedOn.Should().Be(1);
        spied.GradientCheckpointing.Should().BeFalse("the sweep works on a copy");

        static LrRange Sweep(IDiffusionModel model, bool checkpointing)
        {
            using StripedImages images = new(size: 8);
            return Trainer.For(model).UseDevice(ComputeDevice.Cpu(threads: 1)).UseData(images)
                .Configure(o => { o.BatchSize = 4; o.GradientCheckpointing = checkpointing; })
                .BuildLrRangeFinder(new LrRangeOptions { Steps = 20, Highest = 1e-2, ConfirmationSteps = 0 })
                .Run(cancellationToken: TestContext.Current.CancellationToken);
        }
    }

    private static void Train(
        IDiffusionModel model, int steps, bool checkpointing, Action<TrainingProgress>? observe = null, string? run = null,
        int? stopAt = null)
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
                o.GradientCheckpointing = checkpointing;
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

        public bool GradientCheckpointing
        {
            get => network.GradientCheckpointing;
            set
            {
                network.GradientCheckpointing = value;
                if (value && original is not null)
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
