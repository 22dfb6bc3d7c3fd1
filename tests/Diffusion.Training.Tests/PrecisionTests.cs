using Diffusion.TestKit;
using Microsoft.Extensions.Options;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests;

/// <summary>Runs whose network computes in 16 bits, over weights in float32.</summary>
public sealed class PrecisionTests
{
    private static readonly UNet2DOptions Small = UNet2DOptions.ForImages(8, 1, UNet2DSize.Medium) with
    {
        BlockOutChannels = [8], NormNumGroups = 4, AttentionHeadDim = 4,
    };

    public static TheoryData<string, Precision> Halves => new(
        from kind in (string[])
        [
            "attention", "fourier", "classes", "scale and shift", "self-conditioned", "patches", "variance", "skip blocks",
            "no convolutions",
        ]
        from precision in (Precision[])[Precision.BFloat16, Precision.Float16]
        select (kind, precision));

    [Fact]
    public void The_network_computes_in_bfloat16_while_it_trains_and_has_the_float32_weights_of_the_last_step_afterwards()
    {
        HalfNetworks.Require(Precision.BFloat16);
        using UNet2D unet = new(Small, seed: 3);
        using TemporaryFolder folder = new();
        List<ScalarType> meanwhile = [];

        Train(unet, steps: 3, Precision.BFloat16, run: folder.Path, observe: _ => meanwhile.Add(TypeOf(unet)));

        meanwhile.Should().NotBeEmpty().And.AllBeEquivalentTo(ScalarType.BFloat16);
        unet.parameters().Should().OnlyContain(parameter => parameter.dtype == ScalarType.Float32);
        using CheckpointStore store = new(Path.Combine(folder.Path, "checkpoints"));
        byte[]? saved = null;
        store.LoadLatest(checkpoint => saved = [.. unet.NamedTensors().SelectMany(own => checkpoint.Weights[own.Key].bytes.ToArray())]);
        saved.Should().Equal(StripedRun.Bytes(unet));
        store.ReadLatestManifest()!.Options.Precision.Should().Be(Precision.BFloat16);
    }

    [Fact]
    public void Small_steps_are_not_lost_in_the_rounding()
    {
        HalfNetworks.Require(Precision.BFloat16);
        using UNet2D unet = new(Small, seed: 3);
        using UNet2D before = new(Small, seed: 3);

        Train(unet, steps: 3, Precision.BFloat16, rate: 1e-6);

        // bfloat16 has 7 bits of fraction: a step of 1e-6 would leave a weight of 0.1 as it is.
        Parameter moved = unet.parameters().First();
        using Tensor change = (moved - before.parameters().First()).abs();
        change.max().item<float>().Should().BeInRange(1e-7f, 1e-5f);
    }

    [Theory]
    [MemberData(nameof(Halves))]
    public void Gradients_are_those_of_float32_to_the_rounding(string kind, Precision precision)
    {
        HalfNetworks.Require(kind == "no convolutions" ? Precision.Float32 : precision);
        using IDiffusionModel exact = Model(kind);
        using IDiffusionModel rounded = Model(kind);
        using FlatParameters expected = new(exact.Network);
        using FlatParameters actual = new(rounded.Network, precision);
        actual.LossScale?.Reset(1024); // 65,536 is too much for some of these networks

        double loss = Backward(exact, kind);
        double roundedLoss = Backward(rounded, kind);

        roundedLoss.Should().BeApproximately(loss, 0.05 * loss).And.NotBe(loss);
        actual.Gradients.dtype.Should().Be(ScalarType.Float32);
        using Tensor gradients = actual.LossScale is { } scale ? actual.Gradients / scale.Value : actual.Gradients.alias();
        using Tensor error = (gradients - expected.Gradients).norm() / expected.Gradients.norm();
        error.item<float>().Should().BeInRange(1e-6f, precision == Precision.Float16 ? 0.02f : 0.1f);
    }

    [Fact]
    public void Gradients_of_many_passes_add_up_in_float32()
    {
        using Linear layer = nn.Linear(1, 1, hasBias: false);
        using FlatParameters parameters = new(layer, Precision.BFloat16);
        using Tensor input = ones([1, 1], ScalarType.BFloat16) * 0.0009765625f; // 2^-10

        for (int pass = 0; pass < 3000; pass++)
        {
            using DisposeScope scope = NewDisposeScope();
            layer.call(input).sum().backward();
        }

        // A sum in bfloat16 stops at 2^-10 * 2^8, where half a unit in the last place is 2^-10.
        using Tensor sum = parameters.Gradients.sum();
        sum.item<float>().Should().Be(3000 * 0.0009765625f);
    }

    [Fact]
    public void Layers_that_must_be_exact_stay_float32()
    {
        using IDiffusionModel model = Model("fourier");
        byte[] frequencies = Exact(model.Network);
        using FlatParameters parameters = new(model.Network, Precision.BFloat16);

        Dictionary<string, ScalarType> types = model.Network.named_parameters().ToDictionary(p => p.name, p => p.parameter.dtype);

        types["time_proj.weight"].Should().Be(ScalarType.Float32);
        types.Remove("time_proj.weight");
        types.Values.Should().NotBeEmpty().And.AllBeEquivalentTo(ScalarType.BFloat16);
        Exact(model.Network).Should().Equal(frequencies);
        parameters.Dispose();
        Exact(model.Network).Should().Equal(frequencies);
        model.Network.parameters().Should().OnlyContain(parameter => parameter.dtype == ScalarType.Float32);

        static byte[] Exact(nn.Module network) => [.. network.get_parameter("time_proj.weight")!.bytes];
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_network_with_an_exact_layer_trains_and_is_sampled_with_and_without_an_average(bool average)
    {
        HalfNetworks.Require(Precision.BFloat16);
        using ModuleModel model = new(() => new PartlyExact(), seed: 1);
        using StripedImages images = new(size: 8);
        using Trainer trainer = Builder(model, images, steps: 2, Precision.BFloat16)
            .Configure(o => o.Ema = average ? null : "none").Build();

        TrainingResult result = trainer.Run(TestContext.Current.CancellationToken);

        model.Network.named_parameters().Where(p => p.parameter.dtype == ScalarType.Float32).Select(p => p.name)
            .Should().BeEquivalentTo("scale.weight", "scale.bias");
        using Tensor noisy = ones([1, 1, 8, 8]);
        using Estimate estimate = result.EmaDenoiser.Denoise(noisy, result.EmaDenoiser.Schedule.At(0.5));
        estimate.Clean.isfinite().all().item<bool>().Should().BeTrue();
    }

    [Fact]
    public void A_network_whose_first_layer_is_exact_computes_in_float32_again_after_a_training()
    {
        HalfNetworks.Require(Precision.BFloat16);
        using ModuleModel model = new(() => new PartlyExact(exactFirst: true), seed: 1);
        byte[] before = Clean();
        using (FlatParameters parameters = new(model.Network, Precision.BFloat16))
        {
            model.Network.parameters().Select(parameter => parameter.dtype)
                .Should().StartWith(ScalarType.Float32).And.Contain(ScalarType.BFloat16);
            Clean().Should().NotEqual(before);
        }

        Clean().Should().Equal(before);

        byte[] Clean()
        {
            Denoiser denoiser = new(model, NoiseSchedule.Cosine());
            using Tensor noisy = ones([1, 1, 8, 8]);
            using Estimate estimate = denoiser.Denoise(noisy, denoiser.Schedule.At(0.5));
            return estimate.Clean.bytes.ToArray();
        }
    }

    [Fact]
    public void A_twin_in_16_bits_whose_first_layer_is_exact_computes_in_float32()
    {
        HalfNetworks.Require(Precision.BFloat16);
        using RoundedModel model = new();

        using IDiffusionModel twin = ModelTwin.Of(model);

        twin.Network.parameters().Should().OnlyContain(parameter => parameter.dtype == ScalarType.Float32);
        PrecisionTypes.Of(twin.Network).Should().Be(ScalarType.Float32);
    }

    [Fact]
    public void Exported_weights_are_the_float32_ones_of_the_last_step()
    {
        HalfNetworks.Require(Precision.BFloat16);
        using UNet2D unet = new(Small, seed: 3);
        using TemporaryFolder folder = new();
        using (StripedImages images = new(size: 8))
        using (Trainer trainer = Builder(unet, images, steps: 2, Precision.BFloat16).Configure(o => o.Ema = "none").Build())
        {
            trainer.Run(TestContext.Current.CancellationToken).ExportDiffusers(folder.File("exported"));
        }

        using DiffusersModel exported = DiffusersFolder.Load(folder.File("exported"));
        StripedRun.Bytes(exported.UNet).Should().Equal(StripedRun.Bytes(unet));
    }

    [Fact]
    public void Initial_weights_are_what_the_first_step_computes_with()
    {
        HalfNetworks.Require(Precision.BFloat16);
        using TemporaryFolder folder = new();
        using UNet2D initial = new(Small, seed: 9);
        DiffusersFolder.Save(folder.File("initial"), initial, new DiffusersScheduler { Schedule = NoiseSchedule.Cosine() });
        using UNet2D loaded = new(Small, seed: 3);
        using UNet2D given = new(Small, seed: 9);
        List<double> losses = [];

        Train(given, steps: 1, Precision.BFloat16, observe: progress => losses.Add(progress.Loss));
        Train(loaded, steps: 1, Precision.BFloat16, observe: progress => losses.Add(progress.Loss), from: folder.File("initial"));

        losses[1].Should().Be(losses[0]);
    }

    [Fact]
    public void Freeing_the_buffers_twice_does_nothing()
    {
        using Linear layer = nn.Linear(2, 1);
        FlatParameters parameters = new(layer, Precision.BFloat16);
        parameters.Dispose();
        byte[] weights = [.. layer.weight.bytes];

        parameters.Dispose();

        layer.weight.bytes.ToArray().Should().Equal(weights);
    }

    [Fact]
    public void A_precision_that_is_slower_is_a_warning_with_its_speed()
    {
        HalfNetworks.Require(Precision.BFloat16);
        ComputeDevice device = ComputeDevice.Cpu(threads: 1);
        using UNet2D unet = new(Small, seed: 3);
        using StripedImages images = new(size: 8);
        using Trainer trainer = Builder(unet, images, steps: 2, Precision.BFloat16).Build();

        bool warns = trainer.Warnings.Any(warning => warning.Option == nameof(TrainingOptions.Precision));

        warns.Should().Be(PrecisionSpeed.Of(device, Precision.BFloat16) < 1 / PrecisionSpeed.WorthIt);
    }

    [Theory]
    [InlineData(0.5, true)]
    [InlineData(0.95, false)]
    [InlineData(null, false)]
    public void A_run_warns_of_the_speed_that_was_measured_before_it_began(double? speed, bool warns)
    {
        using Float32Products running = Float32Products.Use(tensorFloat32: true); // then float32 cannot be measured

        TrainingWarning[] warnings = [.. new PrecisionChoice(Precision.TensorFloat32, speed).Warnings(ComputeDevice.Cpu())];

        warnings.Should().HaveCount(warns ? 1 : 0);
        warnings.Count(warning => warning.Text.StartsWith("convolutions in TensorFloat32 run at 0.50 times", StringComparison.Ordinal))
            .Should().Be(warnings.Length);
    }

    [Fact]
    public void A_trainer_in_TF32_is_built_on_a_GPU_and_one_in_bfloat16_beside_it()
    {
        Assert.SkipUnless(cuda.is_available(), "This machine has no CUDA device.");
        using UNet2D unet = new(Small, seed: 3);
        using UNet2D other = new(Small, seed: 3);
        using StripedImages images = new(size: 8);
        ComputeDevice gpu = ComputeDevice.Cuda();

        using Trainer trainer = Builder(unet, images, steps: 1, Precision.TensorFloat32).UseDevice(gpu).Build();
        using Trainer beside = Builder(other, images, steps: 1, Precision.BFloat16).UseDevice(gpu).Build();

        trainer.State.Parameters.Precision.Should().Be(Precision.TensorFloat32);
        beside.State.Parameters.Precision.Should().Be(Precision.BFloat16);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_resumed_run_ends_with_the_same_bits(bool checkpointing)
    {
        HalfNetworks.Require(Precision.BFloat16);
        using TemporaryFolder folder = new();
        using UNet2D whole = new(Small, seed: 3);
        using UNet2D begun = new(Small, seed: 3);
        using UNet2D resumed = new(Small, seed: 4);

        Train(whole, steps: 4, Precision.BFloat16, run: folder.File("whole"));
        Train(begun, steps: 4, Precision.BFloat16, run: folder.File("run"), stopAt: 2, checkpointing: checkpointing);
        Train(resumed, steps: 4, Precision.BFloat16, run: folder.File("run"), checkpointing: checkpointing);

        StripedRun.Bytes(resumed).Should().Equal(StripedRun.Bytes(whole));
        StripedRun.Bytes(begun).Should().NotEqual(StripedRun.Bytes(whole));
    }

    [Theory]
    [InlineData(Precision.Float32)]
    [InlineData(Precision.BFloat16)]
    public void A_run_that_chose_the_best_precision_resumes_with_what_it_has(Precision started)
    {
        HalfNetworks.Require(started);
        using TemporaryFolder folder = new();
        using UNet2D unet = new(Small, seed: 3);

        Train(unet, steps: 4, started, run: folder.Path, stopAt: 2);
        Train(unet, steps: 4, Precision.Best, run: folder.Path);

        using CheckpointStore store = new(Path.Combine(folder.Path, "checkpoints"));
        store.ReadLatestManifest()!.Options.Precision.Should().Be(started);
    }

    [Fact]
    public void A_new_run_records_the_precision_that_was_measured_to_be_the_best()
    {
        using TemporaryFolder folder = new();
        using UNet2D unet = new(Small, seed: 3);

        Train(unet, steps: 1, Precision.Best, run: folder.Path);

        using CheckpointStore store = new(Path.Combine(folder.Path, "checkpoints"));
        store.ReadLatestManifest()!.Options.Precision.Should().Be(PrecisionSpeed.BestOf(ComputeDevice.Cpu(threads: 1)));
    }

    [Fact]
    public void The_averages_are_sampled_in_float32()
    {
        HalfNetworks.Require(Precision.BFloat16);
        using UNet2D unet = new(Small, seed: 3);
        using StripedImages images = new(size: 8);
        using Trainer trainer = Builder(unet, images, steps: 2, Precision.BFloat16).Build();
        trainer.Run(TestContext.Current.CancellationToken);

        TypeOf(trainer.EmaDenoiser.Model.Network).Should().Be(ScalarType.Float32);
        using TrainedModel copy = trainer.SnapshotEma();
        TypeOf(copy.Denoiser.Model.Network).Should().Be(ScalarType.Float32);
        TypeOf(unet).Should().Be(ScalarType.BFloat16);

        trainer.EndWithAverages();

        TypeOf(unet).Should().Be(ScalarType.Float32);
        using Tensor noisy = ones([1, 1, 8, 8]);
        using Tensor expected = Predict(copy.Denoiser.Model, noisy);
        using Tensor actual = Predict(unet, noisy);
        actual.bytes.ToArray().Should().Equal(expected.bytes.ToArray());
    }

    [Fact]
    public void Swapped_averages_are_what_the_network_computes_with()
    {
        using Linear layer = nn.Linear(1, 1, hasBias: false);
        using FlatParameters parameters = new(layer, Precision.BFloat16);
        using (no_grad())
        {
            parameters.Values.narrow(0, 0, 1).fill_(2);
            parameters.RoundValues();
        }

        using EmaWrapper average = new(parameters);
        using (no_grad())
        {
            average.Average.narrow(0, 0, 1).fill_(3);
        }

        using (average.Swap())
        {
            Weight().Should().Be(3);
        }

        Weight().Should().Be(2);

        float Weight() => layer.weight.to(ScalarType.Float32).item<float>();
    }

    [Fact]
    public void The_learning_rate_is_swept_in_the_precision_of_the_run()
    {
        HalfNetworks.Require(Precision.BFloat16);
        LrRange exact = Sweep(Precision.Float32);
        LrRange rounded = Sweep(Precision.BFloat16);

        rounded.Points.Should().NotEqual(exact.Points);
        rounded.Points[0].Loss.Should().BeApproximately(exact.Points[0].Loss, 0.05 * exact.Points[0].Loss);

        static LrRange Sweep(Precision precision)
        {
            using UNet2D unet = new(Small, seed: 3);
            using StripedImages images = new(size: 8);
            return Builder(unet, images, steps: 100, precision)
                .BuildLrRangeFinder(new LrRangeOptions { Steps = 20, Highest = 1e-2, ConfirmationSteps = 0 })
                .Run(cancellationToken: TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public void A_network_that_mixes_types_is_refused_before_the_first_step()
    {
        HalfNetworks.Require(Precision.BFloat16);
        using ModuleModel model = new(() => new Float32Habit(), seed: 1);
        using StripedImages images = new(size: 8);
        TrainerBuilder builder = Builder(model, images, steps: 2, Precision.BFloat16);

        builder.Invoking(b => b.Build()).Should().Throw<InvalidOperationException>()
            .WithMessage("*cannot compute in BFloat16*dtype of its parameters*use Precision.Float32*");
        model.Network.parameters().Should().OnlyContain(parameter => parameter.dtype == ScalarType.Float32);
    }

    [Theory]
    [InlineData(Precision.BFloat16)]
    [InlineData(Precision.Float16)]
    public void A_network_with_convolutions_is_refused_where_they_are_wrong(Precision precision)
    {
        Assert.SkipWhen(ComputeDevice.Cpu().Supports(precision), "Convolutions are right on this processor.");
        using UNet2D unet = new(Small);
        using PixelMixer mixer = new(seed: 1);
        using StripedImages images = new(size: 8);

        Builder(unet, images, steps: 1, precision).Invoking(b => b.Build()).Should().Throw<OptionsValidationException>()
            .WithMessage($"Precision ({precision}) must be one in which this processor computes right numbers*conv_in.weight*Use Float32*");
        Builder(mixer, images, steps: 1, precision).Invoking(b => b.Build().Dispose()).Should().NotThrow();
    }

    [Fact]
    public void TF32_is_refused_on_a_cpu_with_the_other_problems()
    {
        using UNet2D unet = new(Small);
        using StripedImages images = new(size: 8);

        Builder(unet, images, steps: 0, Precision.TensorFloat32).Invoking(b => b.Build()).Should().Throw<OptionsValidationException>()
            .Which.Failures.Should()
            .Contain("Precision (TensorFloat32) must be one that the device supports, but cpu does not. Use Float32, or another device.")
            .And.Contain(problem => problem.StartsWith("Steps", StringComparison.Ordinal));
        FluentActions.Invoking(() => new FlatParameters(unet, Precision.TensorFloat32)).Should().Throw<ArgumentException>()
            .WithMessage("The precision is TensorFloat32, which only NVIDIA GPUs have, but the network is on cpu. Use Float32.*");
        unet.parameters().Should().OnlyContain(parameter => parameter.dtype == ScalarType.Float32);
    }

    [Fact]
    public void An_unknown_precision_is_refused_with_the_other_problems()
    {
        using UNet2D unet = new(Small);
        using StripedImages images = new(size: 8);

        Builder(unet, images, steps: 0, (Precision)9).Invoking(b => b.Build()).Should().Throw<OptionsValidationException>()
            .Which.Failures.Should().Contain("Precision (9) must be one of Float32, TensorFloat32, BFloat16, Float16, Best. Use Float32.")
            .And.Contain(problem => problem.StartsWith("Steps", StringComparison.Ordinal));
    }

    [Fact]
    public void Flat_parameters_need_a_definite_precision()
    {
        using Linear layer = nn.Linear(1, 1);

        FluentActions.Invoking(() => new FlatParameters(layer, Precision.Best)).Should().Throw<ArgumentException>()
            .WithMessage("The precision is Best, but parameters need a definite one. Use Float32 or BFloat16.*");
    }

    private static IDiffusionModel Model(string kind)
    {
        UNet2DOptions options = kind switch
        {
            "fourier" => Small with { TimeEmbeddingType = TimeEmbeddingType.Fourier },
            "classes" => Small with { NumClassEmbeds = 3 },
            "scale and shift" => Small with { ResnetTimeScaleShift = TimeScaleShift.ScaleShift },
            "self-conditioned" => Small with { InChannels = 2 },
            "patches" => Small with { SampleSize = 4, InChannels = 4, OutChannels = 4 },
            "variance" => Small with { OutChannels = 2 },
            "skip blocks" => Small with
            {
                SampleSize = 16,
                BlockOutChannels = [32, 32],
                DownBlockTypes = [DownBlockType.SkipDownBlock2D, DownBlockType.AttnSkipDownBlock2D],
                UpBlockTypes = [UpBlockType.AttnSkipUpBlock2D, UpBlockType.SkipUpBlock2D],
                InChannels = 3,
                OutChannels = 3,
            },
            _ => Small,
        };
        if (kind == "no convolutions")
        {
            return new PixelMixer(seed: 3);
        }

        UNet2D unet = new(options, seed: 3);
        return kind switch
        {
            "self-conditioned" => new SelfConditionedModel(unet),
            "patches" => new PatchedModel(unet, 2),
            _ => unet,
        };
    }

    private static double Backward(IDiffusionModel model, string kind)
    {
        using DisposeScope scope = NewDisposeScope();
        bool isEdm = kind == "fourier";
        Denoiser denoiser = isEdm
            ? new Denoiser(model, new EdmSchedule(), Parameterization.Edm())
            : new Denoiser(model, NoiseSchedule.Cosine());
        model.Network.train();
        ImageShape shape = model.SampleShape!.Value;
        Tensor clean = NormalNoise.Draw(new SeedStream(1), RandomPurpose.InitialNoise, [0, 1], shape).clamp(-1, 1);
        Conditioning conditioning = kind switch
        {
            "classes" => new Conditioning { ClassLabels = tensor((long[])[0, 2]) },
            "self-conditioned" => new Conditioning { EarlierClean = clean },
            _ => Conditioning.None,
        };
        Objective objective = new() { LearnsVariance = kind == "variance" };
        TrainingPass pass = new(denoiser, objective, new SeedStream(0));
        using Tensor loss = pass.Backward(clean, conditioning, new long[] { 0, 1 });
        return loss.item<float>();
    }

    private static Tensor Predict(IDiffusionModel model, Tensor noisy)
    {
        using IDisposable noGradients = no_grad();
        using Tensor labels = tensor((long[])[5]);
        return model.Predict(noisy, labels, Conditioning.None);
    }

    private static ScalarType TypeOf(nn.Module network) => network.parameters().First().dtype;

    private static TrainerBuilder Builder(IDiffusionModel model, StripedImages images, int steps, Precision precision) =>
        StripedRun.Builder(model, images, steps).Configure(o => o.Precision = precision);

    private static void Train(
        IDiffusionModel model, int steps, Precision precision, Action<TrainingProgress>? observe = null, string? run = null,
        int? stopAt = null, bool checkpointing = false, double rate = 1e-2, string? from = null) => StripedRun.Train(
        model, steps, o =>
        {
            o.Precision = precision;
            o.LearningRate = LearningRate.Constant(rate).WithWarmup(0);
            o.RunFolder = run;
            o.InitialWeights = from;
            o.GradientCheckpointing = checkpointing ? GradientCheckpointing.All : GradientCheckpointing.None;
        }, observe, stopAt);

    private sealed class PartlyExact : nn.Module<Tensor, Tensor, Tensor>
    {
        private readonly Conv2d first = nn.Conv2d(1, 4, 3, padding: 1);
        private readonly ExactScale scale = new();
        private readonly Conv2d last = nn.Conv2d(4, 1, 3, padding: 1);

        public PartlyExact(bool exactFirst = false)
            : base(nameof(PartlyExact))
        {
            (string Name, nn.Module Layer)[] layers = exactFirst
                ? [("scale", scale), ("first", first), ("last", last)]
                : [("first", first), ("scale", scale), ("last", last)];
            foreach ((string name, nn.Module layer) in layers)
            {
                register_module(name, layer);
            }
        }

        public override Tensor forward(Tensor noisy, Tensor labels)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor told = scale.call(labels.to(ScalarType.Float32).view(-1, 1)).to(noisy.dtype).view(-1, 1, 1, 1);
            return last.call(first.call(noisy) + told).MoveToOuterDisposeScope();
        }
    }

    // Its twins are rounded, as it is itself.
    private sealed class RoundedModel : IDiffusionModel
    {
        public RoundedModel() => NetworkRounding.Round(Network, Precision.BFloat16);

        public nn.Module Network { get; } = new PartlyExact(exactFirst: true);

        public ImageShape? SampleShape => null;

        public int? ClassCount => null;

        public bool HasDropout => false;

        public string Description => "rounded";

        public Tensor Predict(Tensor noisy, Tensor labels, Conditioning conditioning) =>
            ((nn.Module<Tensor, Tensor, Tensor>)Network).call(noisy, labels);

        public IDiffusionModel CreateTwin() => new RoundedModel();

        public IReadOnlyList<string> Problems(ImageShape shape, INoiseSchedule schedule) => [];

        public void Dispose() => Network.Dispose();
    }

    private sealed class ExactScale : nn.Module<Tensor, Tensor>, IFloat32Layer
    {
        private readonly Parameter weight = new(full(1, 1, 1e-3f));
        private readonly Parameter bias = new(zeros(1));

        public ExactScale()
            : base(nameof(ExactScale)) => RegisterComponents();

        public override Tensor forward(Tensor input) => nn.functional.linear(input, weight, bias);
    }

    // Adds a float32 image between two layers, which libtorch then refuses.
    private sealed class Float32Habit : nn.Module<Tensor, Tensor, Tensor>
    {
        private readonly Conv2d first = nn.Conv2d(1, 4, 3, padding: 1);
        private readonly Conv2d last = nn.Conv2d(4, 1, 3, padding: 1);

        public Float32Habit()
            : base(nameof(Float32Habit)) => RegisterComponents();

        public override Tensor forward(Tensor noisy, Tensor labels)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor bias = labels.to(ScalarType.Float32).view(-1, 1, 1, 1);
            return last.call(first.call(noisy) + bias).MoveToOuterDisposeScope();
        }
    }
}
