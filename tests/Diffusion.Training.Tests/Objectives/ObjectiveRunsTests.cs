using Diffusion.TestKit;
using Microsoft.Extensions.Options;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Objectives;

/// <summary>Runs whose options name the parts of an objective.</summary>
public sealed class ObjectiveRunsTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public static TheoryData<string, string> Parts => new()
    {
        { "Function", "mse" }, { "Function", "l1" }, { "Function", "huber" }, { "Function", "smooth-l1" }, { "Function", "pseudo-huber" },
        { "Function", "pseudo-huber-norm" }, { "Weighting", "uniform" }, { "Weighting", "min-snr" }, { "Weighting", "soft-min-snr" },
        { "Weighting", "p2" }, { "Weighting", "truncated-snr" }, { "Weighting", "edm" }, { "Weighting", "learned-uncertainty" },
        { "Weighting", "debiased" }, { "Weighting", "sigmoid" }, { "Times", "uniform" }, { "Times", "log-normal" },
        { "Times", "logit-normal" }, { "Times", "mode" }, { "Times", "cosine-map" }, { "Times", "cosine-interpolated" },
        { "Times", "log-uniform" }, { "Times", "log-logistic" }, { "Times", "split-log-normal" }, { "Times", "v-diffusion" },
        { "Times", "second-moment" },
    };

    public static TheoryData<ObjectiveOptions> Exact =>
    [
        new ObjectiveOptions { Weighting = "learned-uncertainty(channels: 8)" },
        new ObjectiveOptions { Times = "second-moment(parts: 2, history: 2)" },
        new ObjectiveOptions { Times = "log-normal", StratifiesTimes = true, OffsetNoise = 0.1, InputPerturbation = 0.1 },
        new ObjectiveOptions { Weighting = "min-snr", Function = "pseudo-huber-norm", Prediction = PredictionType.Velocity },
    ];

    public void Dispose() => folder.Dispose();

    [Theory]
    [MemberData(nameof(Parts))]
    public void A_part_that_options_name_trains_and_is_in_the_manifest_with_its_parameters(string kind, string name)
    {
        ObjectiveOptions options = kind switch
        {
            "Function" => new() { Function = name },
            "Weighting" => new() { Weighting = name },
            _ => new() { Times = name },
        };
        Train("run", options, steps: 1);
        Train("run", options, steps: 2).HasCheckpoint.Should().BeTrue();

        using CheckpointStore store = new(folder.File("run", "checkpoints"));
        ObjectiveOptions saved = store.ReadLatestManifest()!.Options.Objective;
        string written = kind switch { "Function" => saved.Function, "Weighting" => saved.Weighting, _ => saved.Times };
        written.Should().StartWith(name);
        (kind switch
        {
            "Function" => LossFunction.Names.Describe(name),
            "Weighting" => LossWeighting.Names.Describe(name),
            _ => TimeLaw.Names.Describe(name),
        }).Should().Be(written);
        store.ReadLatestManifest()!.Step.Should().Be(2);
    }

    [Theory]
    [MemberData(nameof(Exact), DisableDiscoveryEnumeration = true)]
    public void A_run_that_was_stopped_and_one_with_smaller_micro_batches_have_the_weights_of_one_that_was_not(ObjectiveOptions options)
    {
        byte[] whole = Train("whole", options, steps: 8).Weights;
        Train("parts", options, steps: 8, stopAt: 5);
        Train("parts", options, steps: 8).Weights.Should().Equal(whole);

        float[] split = Numbers(Train("split", options, steps: 8, microBatch: 4).Weights);
        Numbers(whole).Zip(split).Should().OnlyContain(pair => Math.Abs(pair.First - pair.Second) < 1e-4);
    }

    [Fact]
    public void Another_parameter_is_refused_when_a_run_resumes()
    {
        Train("run", new ObjectiveOptions { Weighting = "min-snr" }, steps: 1);
        FluentActions.Invoking(() => Train("run", new ObjectiveOptions { Weighting = "min-snr(gamma: 3)" }, steps: 2)).Should()
            .Throw<CheckpointException>().WithMessage("*Objective.Weighting was \"min-snr(gamma: 5)\" and is \"min-snr(gamma: 3)\"*");
        FluentActions.Invoking(() => Train("run", new ObjectiveOptions { Weighting = "min-snr", OffsetNoise = 0.1 }, steps: 2)).Should()
            .Throw<CheckpointException>().WithMessage("*Objective.OffsetNoise was 0 and is 0.1*");
    }

    public static TheoryData<ObjectiveOptions, NoiseScheduleKind, bool, string> Impossible => new()
    {
        { new() { Prediction = PredictionType.Epsilon }, NoiseScheduleKind.Cosine, true,
            "Prediction (Epsilon) cannot be trained with cosine(timesteps: 1000) with zero terminal SNR: its last timestep*" },
        { new() { Prediction = PredictionType.Sample, LossSpace = PredictionType.Epsilon }, NoiseScheduleKind.Cosine, false, "" },
        { new() { Prediction = PredictionType.Sample, Weighting = "edm" }, NoiseScheduleKind.RectifiedFlow, false,
            "Weighting (edm(sigma-data: 0.5)) is infinite at time 0 of rectified-flow for a loss in sample*" },
        { new() { Prediction = PredictionType.Velocity, LearnsVariance = true }, NoiseScheduleKind.Edm, false,
            "LearnsVariance (true) needs a schedule of betas, but the schedule is edm*" },
        { new() { OffsetNoise = 2 }, NoiseScheduleKind.Cosine, false,
            "Objective.OffsetNoise (2) must be in 0..1. Use 0.1, or 0 for none." },
        { new() { Times = "lognormal" }, NoiseScheduleKind.Cosine, false,
            "Objective.Times (lognormal) must name a time law; the nearest is log-normal. Known are uniform, *given with UseTimeLaw." },
    };

    [Theory]
    [MemberData(nameof(Impossible), DisableDiscoveryEnumeration = true)]
    public void What_cannot_be_learnt_is_refused_by_name_before_the_first_step(
        ObjectiveOptions options, NoiseScheduleKind schedule, bool zeroSnr, string expected)
    {
        Action build = () => Train("run", options, steps: 1, change: o => (o.Schedule, o.ZeroTerminalSnr) = (schedule, zeroSnr));
        if (expected.Length == 0)
        {
            build.Should().NotThrow();
            return;
        }

        build.Should().Throw<OptionsValidationException>().WithMessage($"*{expected}*");
    }

    [Fact]
    public void A_network_with_twice_the_channels_learns_the_variance_and_is_sampled_with_it()
    {
        UNet2DOptions network = new()
        {
            SampleSize = 8, InChannels = 1, OutChannels = 2, BlockOutChannels = [8, 8], NormNumGroups = 4, LayersPerBlock = 1,
            DownBlockTypes = [DownBlockType.DownBlock2D, DownBlockType.DownBlock2D],
            UpBlockTypes = [UpBlockType.UpBlock2D, UpBlockType.UpBlock2D],
        };
        using UNet2D unet = new(network);
        using StripedImages images = new();
        TrainerBuilder Builder() => Trainer.For(unet).UseDevice(ComputeDevice.Cpu(1)).UseData(images)
            .Configure(o => (o.Steps, o.BatchSize) = (2, 4));
        FluentActions.Invoking(() => Builder().Build()).Should().Throw<InvalidOperationException>()
            .WithMessage("*A network that learns the variance as well is trained with Objective.LearnsVariance.");

        using Trainer trainer = Builder().Configure(o => o.Objective = new ObjectiveOptions { LearnsVariance = true }).Build();
        TrainingResult result = trainer.Run(TestContext.Current.CancellationToken);
        using Tensor noisy = randn(1, 1, 8, 8);
        using Estimate estimate = result.EmaDenoiser.Denoise(noisy, NoiseSchedule.Cosine()[500]);
        estimate.Variance!.shape.Should().Equal(1, 1, 8, 8);

        using TinyModel tiny = new();
        FluentActions.Invoking(() => Trainer.For(tiny).UseDevice(ComputeDevice.Cpu(1)).UseData(images)
            .Configure(o => o.Objective = new ObjectiveOptions { LearnsVariance = true }).Build()).Should()
            .Throw<InvalidOperationException>().WithMessage("*To learn the variance it must return 2 channels*");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Stratified_times_have_one_image_of_a_step_in_each_part_of_the_law(bool stratifies)
    {
        Recorded law = new();
        using TinyModel model = new();
        using StripedImages images = new();
        using Trainer trainer = Trainer.For(model).UseDevice(ComputeDevice.Cpu(1)).UseData(images).UseTimeLaw(law).Configure(o =>
        {
            (o.Steps, o.BatchSize, o.MicroBatchSize) = (1, 16, 4);
            o.Objective = new ObjectiveOptions { StratifiesTimes = stratifies };
        }).Build();
        law.Quantiles.Clear();
        trainer.Run(TestContext.Current.CancellationToken);

        law.Quantiles.Should().HaveCount(16);
        int[] parts = [.. law.Quantiles.Select(quantile => (int)(quantile * 16)).Distinct()];
        (parts.Length == 16).Should().Be(stratifies, "16 draws alone leave parts empty");
    }

    private static float[] Numbers(byte[] file) => System.Runtime.InteropServices.MemoryMarshal
        .Cast<byte, float>(file.AsSpan(8 + (int)BitConverter.ToInt64(file)).ToArray()).ToArray();

    private (bool HasCheckpoint, byte[] Weights) Train(string name, ObjectiveOptions options, long steps, long? stopAt = null,
        int? microBatch = null, Action<TrainingOptions>? change = null)
    {
        using TinyModel model = new();
        using StripedImages images = new();
        using CancellationTokenSource stop = new();
        TrainerBuilder builder = Trainer.For(model).UseDevice(ComputeDevice.Cpu(1)).UseData(images).UseCheckpoints(folder.File(name))
            .Configure(o =>
            {
                (o.Steps, o.BatchSize, o.MicroBatchSize, o.ReportEverySteps) = (steps, 8, microBatch, 4);
                o.Objective = options;
                change?.Invoke(o);
            });
        if (stopAt is { } step)
        {
            builder.AddPreview((int)step, _ => stop.Cancel());
        }

        using Trainer trainer = builder.Build();
        TrainingResult result = trainer.Run(stop.Token);
        return (result.Checkpoint is not null, File.ReadAllBytes(Path.Combine(result.Checkpoint!, "weights.safetensors")));
    }

    private sealed class Recorded : ITimeLaw
    {
        public List<double> Quantiles { get; } = [];

        public string Description => "recorded";

        public double TimeAt(double quantile, INoiseSchedule schedule)
        {
            Quantiles.Add(quantile);
            return TimeLaw.Uniform.TimeAt(quantile, schedule);
        }
    }
}
