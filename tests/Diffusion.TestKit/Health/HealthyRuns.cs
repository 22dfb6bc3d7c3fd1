using Diffusion.Data;
using Diffusion.Training;
using Samples;

namespace Diffusion.TestKit;

/// <summary>Runs without a mistake, for which the library must report nothing.</summary>
public static class HealthyRuns
{
    /// <summary>A web application in the process of a training run.</summary>
    /// <param name="time">The training time.</param>
    public static ScriptedRun WithWebApplication(TimeSpan time) => new("a web application that loads and drops networks")
    {
        Data = () => InMemoryImages.Load(DrawnShapes.Create(2000, 16)),
        Options = run => (run.Steps, run.TimeLimit, run.LearningRate) = (1_000_000, time, LearningRate.Constant(5e-4).WithWarmup(40)),
        Builder = builder => builder.AddPreview(20, _ => WebApplication.Preview()),
        Beside = () => new WebApplication(),
    };

    /// <summary>
    /// All runs; those on real images only if the images are available. Samples are judged in the runs of 1,600 steps. The networks of the
    /// others, which predict epsilon, would still draw noise then.
    /// </summary>
    /// <param name="data">The folder of <c>mnist</c>, <c>sign-digits</c> and <c>dcss-tiles</c>, or null.</param>
    public static IReadOnlyList<ScriptedRun> All(string? data) =>
    [
        new("drawn shapes"),
        new("velocity") { Options = run => (run.Steps, run.Objective) =
            (1600, new ObjectiveOptions { Prediction = PredictionType.Velocity }) },
        new("clean image") { Options = run => (run.Steps, run.Objective) =
            (1600, new ObjectiveOptions { Prediction = PredictionType.Sample }) },
        new("linear schedule") { Options = run => run.Schedule = NoiseScheduleKind.Linear },
        new("250 timesteps") { Options = run => run.Timesteps = 250 },
        new("4000 timesteps") { Options = run => run.Timesteps = 4000 },
        new("batch of 64, half rate") { Options = run => (run.BatchSize, run.LearningRate) = (64, LearningRate.Constant(2e-4)) },
        new("batch of 128 in four") { Options = run => (run.Steps, run.BatchSize, run.MicroBatchSize) = (400, 128, 32) },
        new("rate 2e-4") { Options = run => run.LearningRate = LearningRate.Constant(2e-4) },
        new("rate 1e-3") { Options = run => run.LearningRate = LearningRate.Constant(1e-3) },
        new("cosine rate") { Options = run => run.LearningRate = LearningRate.Cosine(5e-4) },
        new("classes") { Network = options => options with { NumClassEmbeds = 10 } },
        new("dropout 0.1") { Network = options => options with { Dropout = 0.1 } },
        new("attention") { Network = options => options with { DownBlockTypes = [DownBlockType.DownBlock2D, DownBlockType.AttnDownBlock2D],
            UpBlockTypes = [UpBlockType.AttnUpBlock2D, UpBlockType.UpBlock2D] } },
        new("scale and shift") { Network = options => options with { ResnetTimeScaleShift = TimeScaleShift.ScaleShift } },
        new("held out") { Options = run => (run.HoldOutFraction, run.HoldOutEverySteps) = (0.1, 100) },
        new("four sizes of channels") { Network = options => options with { BlockOutChannels = [8, 16, 24, 32],
            DownBlockTypes = [.. Enumerable.Repeat(DownBlockType.DownBlock2D, 4)],
                UpBlockTypes = [.. Enumerable.Repeat(UpBlockType.UpBlock2D, 4)] } },
        new("clip of 0.5") { Options = run => run.GradientClip = 0.5 },
        new("clip of 2, other seed") { Options = run => (run.GradientClip, run.Seed) = (2, 5) },
        new("a report every step") { Options = run => run.ReportEverySteps = 1 },
        new("a report every 200 steps") { Options = run => run.ReportEverySteps = 200 },
        new("mirrored") { Data = () => InMemoryImages.Load(DrawnShapes.Create(500, 16, seed: 3)).With(ImageTransform.RandomFlip()) },
        .. data is null ? Array.Empty<ScriptedRun>() :
        [
            new("MNIST") { Data = () => IdxImages.OpenFolder(Path.Combine(data, "mnist")), Options = run => run.Steps = 600 },
            new("sign digits") { Data = () => InMemoryImages.Load(ImageFolder.Open(Path.Combine(data, "sign-digits", "images"),
                size: 16)) },
            new("tiles") { Data = () => InMemoryImages.Load(ImageFolder.Open(Path.Combine(data, "dcss-tiles", "images"), size: 16)) },
            new("tiles, velocity") { Data = () => InMemoryImages.Load(ImageFolder.Open(Path.Combine(data, "dcss-tiles", "images"),
                size: 16)), Options = run => (run.Steps, run.Objective) =
                    (1600, new ObjectiveOptions { Prediction = PredictionType.Velocity }) },
        ],
    ];
}
