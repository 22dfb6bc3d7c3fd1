using Diffusion.Data;
using Diffusion.Training;

namespace Diffusion.Benchmarks;

/// <summary>One of the compared models: its schedule and objective. All have the same network, data, seed and learning rate.</summary>
/// <param name="Name">Its name in the tables.</param>
/// <param name="Schedule">The noise schedule.</param>
/// <param name="Objective">What the network predicts, and how it is trained.</param>
internal sealed record ComparedModel(string Name, NoiseScheduleKind Schedule, ObjectiveOptions Objective)
{
    public const double PeakLearningRate = 2e-3;
    private const int PatchSize = 4;

    /// <summary>The averages of a run, the default one first.</summary>
    public static IReadOnlyList<EmaLaw> Averages { get; } =
        [EmaLaw.Default, EmaLaw.PowerFunction(0.01), EmaLaw.PowerFunction(0.1), EmaLaw.Warmup(0.999)];

    /// <summary>Trained alike with the usual objective of each parameterization; the last one as the quickstart trains.</summary>
    public static IReadOnlyList<ComparedModel> All { get; } =
    [
        new("velocity", NoiseScheduleKind.Cosine, new ObjectiveOptions { Prediction = PredictionType.Velocity }),
        new("epsilon", NoiseScheduleKind.Cosine, new ObjectiveOptions { Prediction = PredictionType.Epsilon }),
        new("EDM", NoiseScheduleKind.Edm, new ObjectiveOptions
        {
            Prediction = PredictionType.Edm, Weighting = LossWeighting.Edm().Description, Times = TimeLaw.LogNormal().Description,
        }),
        new("flow", NoiseScheduleKind.RectifiedFlow, new ObjectiveOptions
        {
            Prediction = PredictionType.Flow, Times = TimeLaw.LogitNormal().Description,
        }),
        new("clean image, loss of flow", NoiseScheduleKind.RectifiedFlow, new ObjectiveOptions
        {
            Prediction = PredictionType.Sample, LossSpace = PredictionType.Flow, MaxSpaceFactor = 20,
            Times = TimeLaw.LogitNormal().Description,
        }),
    ];

    /// <summary>A U-Net of one level on patches of 4 x 4 pixels, with attention: what two CPU cores can train within minutes.</summary>
    public static IDiffusionModel CreateNetwork(IImageSource images)
    {
        ImageShape patches = PatchedModel.PatchShape(images.Shape, PatchSize);
        UNet2D unet = new(
            new UNet2DOptions
            {
                SampleSize = new SampleSize(patches.Height, patches.Width),
                InChannels = patches.Channels,
                OutChannels = patches.Channels,
                BlockOutChannels = [64],
                DownBlockTypes = [DownBlockType.AttnDownBlock2D],
                UpBlockTypes = [UpBlockType.AttnUpBlock2D],
                LayersPerBlock = 1,
                AttentionHeadDim = 32,
                NormNumGroups = 8,
                NumClassEmbeds = images.ClassCount + 1,
            },
            seed: 0);
        return new PatchedModel(unet, PatchSize);
    }

    /// <summary>The trainer of its run; it resumes from the last checkpoint.</summary>
    public Trainer CreateTrainer(IDiffusionModel network, ComparedData data, string folder, ComparedTraining training) => Trainer
        .For(network)
        .UseDevice(training.Device)
        .UseData(data.Train)
        .UseLearningRate(LearningRate.Cosine(PeakLearningRate))
        .UseEma(Averages[0], [.. Averages.Skip(1)])
        .UseCheckpoints(Path.Combine(folder, Name.Replace(",", "").Replace(' ', '-')), 250)
        .Configure(o =>
        {
            o.Steps = training.Steps;
            o.BatchSize = training.BatchSize;
            o.Schedule = Schedule;
            o.Objective = Objective with { LabelDropout = 0.1, StratifiesTimes = true };
            o.ReportEverySteps = 50;
            o.KeepCheckpoints = 1;
        })
        .ReportTo(progress => Console.WriteLine(
            $"{Name}: step {progress.Step} of {progress.Steps}, loss {progress.Loss:F4}, {progress.ImagesPerSecond:F0} images/s"))
        .Build();
}

/// <summary>How the models train.</summary>
/// <param name="Device">Where.</param>
/// <param name="Steps">Steps of each model.</param>
/// <param name="BatchSize">Images of a step.</param>
internal sealed record ComparedTraining(ComputeDevice Device, long Steps, int BatchSize);
