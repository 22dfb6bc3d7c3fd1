using Diffusion.Data;
using Diffusion.Training;
using Samples;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.TestKit;

/// <summary>Runs with a common mistake, and what the library must report for each.</summary>
public static class SickRuns
{
    private static readonly List<Tensor> Leak = [];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<ScriptedRun> All { get; } =
    [
        new("learning rate 100 times too high", "Diverged", "NotLearning", "Oscillating", "LearningSlowly") { Says = "Lower",
            Options = run => run.LearningRate = LearningRate.Constant(5e-2) },
        new("learning rate 2000 times too high", "Diverged", "NotLearning", "SkippedSteps") { Says = "LearningRate.Peak from 1 to",
            Options = run => run.LearningRate = LearningRate.Constant(1) },
        new("learning rate 100 times too low", "NotLearning", "LearningSlowly") { Says = "too low",
            Options = run => run.LearningRate = LearningRate.Constant(2e-6) },
        new("learning rate outside its range", "warning LearningRate.Peak") { IsShort = true, Says = "high",
            Options = Briefly(run => run.LearningRate = LearningRate.Constant(2e-2)) },
        new("no warm-up, rate 1,000 times too high, rollback", "Diverged", "ended")
        {
            Says = "Lower",
            Options = run =>
            {
                run.LearningRate = LearningRate.Constant(0.5).WithWarmup(0);
                run.RunFolder = AtomicFolder();
                run.Health = run.Health with { OnDivergence = DivergencePolicy.RollBack };
            },
        },
        new("a NaN in one image", "refused")
        {
            IsShort = true,
            Says = "NaN",
            Data = () =>
                new ChangedImages(DrawnShapes.Create(500, 16)) { Value = (image, value) => image == 77 && value > 0.9f
                    ? float.NaN
                    : value },
            Options = run => run.Steps = 40,
        },
        new("images in [0, 1]", "refused") { IsShort = true, Says = "0..1",
            Data = () => new ChangedImages(DrawnShapes.Create(500, 16)) { Value = (_, value) => (value + 1) / 2 } },
        new("images in [0, 255]", "refused") { IsShort = true, Says = "255",
            Data = () => new ChangedImages(DrawnShapes.Create(500, 16)) { Value = (_, value) => (value + 1) * 127.5f } },
        new("images of one color", "warning Data") { IsShort = true, Says = "one color", Data = () => new FlatImages(),
            Options = Briefly(_ => { }) },
        new("the same image again and again", "warning Data") { Says = "are identical",
            Data = () => new ChangedImages(DrawnShapes.Create(500, 16)) { Index = _ => 3 }, Options = Briefly(_ => { }) },
        new("one class only", "warning Data")
        {
            IsShort = true, Says = "the same label", Data = () => new ChangedImages(DrawnShapes.Create(500, 16)) { Label = _ => 4 },
            Network = options => options with { NumClassEmbeds = 10 }, Options = Briefly(_ => { }),
        },
        new("a last layer with weights 1,000 times too large", "warning Network") { Says = "last layer",
            Weights = network => Scale(network, "conv_out.weight", 1e3) },
        new("a layer whose weights overflow", "SkippedSteps", "ended") { IsShort = true, Says = "mid_block",
            Weights = network => Scale(network, "mid_block.resnets.0.conv2.weight", 1e38) },
        new("a layer that is never called", "VanishingGradients")
        {
            IsShort = true, Says = "forgotten", Weights = network =>
                network.register_module("forgotten", nn.Linear(8, 8)), Options = run =>
                    (run.Steps, run.BatchSize, run.Ema) = (60, 8, "none"),
        },
        new("EMA decay too high for the run", "warning Ema") { IsShort = true, Says = "usual",
            Options = Briefly(run => run.Ema = EmaLaw.Warmup(0.999999).Description) },
        new("EMA decay too low", "warning Ema") { IsShort = true, Says = "hardly an average",
            Options = Briefly(run => run.Ema = EmaLaw.Warmup(0.5).Description) },
        new("no averaged weights", "warning Ema") { IsShort = true, Says = "visibly worse",
            Options = Briefly(run => run.Ema = "none") },
        new("20 timesteps", "refused") { IsShort = true, Says = "250..4000", Options = Briefly(run => run.Timesteps = 20) },
        new("resumed with other timesteps", "refused") { IsShort = true, Says = "schedule", Instead = ResumeWithOtherTimesteps },
        new("a checkpoint without its optimizer", "refused") { IsShort = true, Says = "optimizer.safetensors", Instead = LoseTheOptimizer },
        new("float timesteps", "refused") { IsShort = true, Says = "int64", Instead = () => AddNoise(tensor([1f, 2f])) },
        new("timesteps from 1 to T", "refused") { IsShort = true, Says = "999", Instead = () => AddNoise(tensor([1L, 1000L])) },
        new("weights in bf16", "refused") { IsShort = true, Says = "BFloat16", Weights = network => network.to(ScalarType.BFloat16) },
        new("clip of 0.0001", "ClippedTooMuch") { Says = "Raise GradientClip", Options = run => run.GradientClip = 1e-4 },
        new("no clip", "warning GradientClip") { IsShort = true, Options = Briefly(run => run.GradientClip = null) },
        new("warm-up longer than half of the run", "warning LearningRate.WarmupSteps") { IsShort = true,
            Options = Briefly(run => run.LearningRate = LearningRate.Constant(5e-4).WithWarmup(5)) },
        new("a batch larger than the data", "warning BatchSize") { IsShort = true, Says = "exceeds the 20 training images",
            Data = () => DrawnShapes.Create(20, 16), Options = Briefly(_ => { }) },
        new("a schedule that keeps some of the image", "warning Schedule") { IsShort = true, Says = "brightness",
            Options = Briefly(_ => { }), Builder = builder => builder.UseSchedule(NoiseSchedule.Linear(250, 1e-4, 0.02)) },
        new("dropout of 0.6", "warning Dropout") { IsShort = true, Network = options => options with { Dropout = 0.6 },
            Options = Briefly(_ => { }) },
        new("tensors kept by a preview", "LeakedTensors") { IsShort = true, Says = "a preview",
            Options = run =>
                (run.Steps, run.BatchSize) = (180, 2), Builder = builder =>
                    builder.AddPreview(20, _ => Leak.Add(zeros(10).DetachFromDisposeScope())) },
        new("a source that is slower than training", "SlowData")
        {
            Says = "Workers",
            Data = () =>
                new ChangedImages(DrawnShapes.Create(500, 16)) { OnRead = () => Thread.Sleep(30), IsInMemory = false },
                    // far slower than training on any machine
            Options = run => run.Steps = 100,
        },
        new("overfitting to 16 images", "Overfitting")
        {
            Data = () => InMemoryImages.Load(DrawnShapes.Create(32, 16)),
            Options = run =>
            {
                (run.Steps, run.BatchSize, run.HoldOutFraction, run.HoldOutEverySteps) = (3000, 16, 0.5, 100);
                run.LearningRate = LearningRate.Constant(1e-3);
            },
        },
        new("gradients beyond their limit", "ended") { IsShort = true, Says = "MaxGradientNorm",
            Options = run => (run.BatchSize, run.Health) = (8, run.Health with { MaxGradientNorm = 1e-6 }) },
        new("a run that is too short for samples", "NoisySamples", "BlurrySamples") { Says = "too short",
            Options = run => (run.Steps, run.LearningRate) = (1000, LearningRate.Constant(1e-4)),
            Builder = builder => builder.ObserveWith(new SampleObserver { JudgesEarly = true }) },
        new("the same noise for all samples", "SimilarSamples") { Options = run => run.Steps = 1000,
            Builder = builder => builder.AddPreview(1000, preview => preview.Check(randn(1, 3, 16, 16).expand(16, 3, 16, 16))) },
        new("samples scaled to [0, 1]", "ColorShift") { Options = run => run.Steps = 1000,
            Builder = builder => builder.AddPreview(1000, preview => preview.Check(rand(16, 3, 16, 16))) },
    ];

    private static Action<TrainingOptions> Briefly(Action<TrainingOptions> options) => run =>
    {
        run.Steps = 8;
        options(run);
    };

    private static void Scale(UNet2D network, string name, double factor)
    {
        using IDisposable noGradients = no_grad();
        foreach ((string parameter, TorchSharp.Modules.Parameter value) in network.named_parameters())
        {
            if (parameter.StartsWith(name, StringComparison.Ordinal))
            {
                value.mul_(factor);
            }
        }
    }

    private static string AtomicFolder() => Path.Combine(Path.GetTempPath(), $"scripted-{Guid.NewGuid():N}");

    private static void AddNoise(Tensor timesteps)
    {
        using TinyModel model = new();
        new Denoiser(model, NoiseSchedule.Cosine(1000), Parameterization.Epsilon).AddNoise(zeros(2, 1, 8, 8), zeros(2, 1, 8, 8), timesteps);
    }

    private static void ResumeWithOtherTimesteps()
    {
        string folder = AtomicFolder();
        TrainTiny(folder, 1000);
        TrainTiny(folder, 500);
    }

    private static void LoseTheOptimizer()
    {
        string folder = AtomicFolder();
        TrainTiny(folder, 1000);
        foreach (string file in Directory.GetFiles(folder, "optimizer.safetensors", SearchOption.AllDirectories))
        {
            File.Delete(file);
        }

        TrainTiny(folder, 1000);
    }

    private static void TrainTiny(string folder, int timesteps)
    {
        using TinyModel model = new();
        using StripedImages images = new();
        using Trainer trainer = Trainer.For(model).UseData(images).UseDevice(ComputeDevice.Cpu(1)).UseCheckpoints(folder)
            .Configure(run => (run.Steps, run.BatchSize, run.Timesteps) = (2, 8, timesteps)).Build();
        trainer.Run();
    }

    // Every image has a single color.
    private sealed class FlatImages : IImageSource
    {
        public long Count => 500;

        public ImageShape Shape => ImageShape.Square(16);

        public PixelEncoding Encoding => PixelEncoding.UInt8;

        public int? ClassCount => null;

        public string Description => "flat images";

        public long LabelOf(long index) => 0;

        public void Read(long index, Span<byte> destination, SeedStream? draws = null, CancellationToken cancellationToken = default) =>
            destination.Fill((byte)(index % 256));

        public void Dispose()
        {
        }
    }
}
