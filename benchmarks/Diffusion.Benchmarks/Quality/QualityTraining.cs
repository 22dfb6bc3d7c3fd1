using System.Diagnostics;
using Diffusion.Data;
using Diffusion.Training;

namespace Diffusion.Benchmarks;

/// <summary>The evaluated training run: a small U-Net on MNIST for a given time.</summary>
internal static class QualityTraining
{
    public const int BatchSize = 32;
    public const double PeakLearningRate = 1e-3;
    public const int Timesteps = 500;
    public const PredictionType Prediction = PredictionType.Velocity;

    // The rest is a reserve for a machine that becomes slower after the measurement: the last steps matter most.
    private const double UsedShare = 0.97;

    // Some machines compute faster in their first half minute than afterwards.
    private const int CalibrationWarmUp = 150;
    private const int CalibrationSteps = 100;
    private const int StepsPerReport = 20;
    private const int StepsPerCheckpoint = 250;

    /// <summary>Three levels of 28, 14 and 7 pixels; attention at 7 pixels and in the middle. Unconditional.</summary>
    public static UNet2D CreateModel() => new(
        new UNet2DOptions
        {
            SampleSize = 28,
            InChannels = 1,
            OutChannels = 1,
            BlockOutChannels = [24, 48, 96],
            DownBlockTypes = [DownBlockType.DownBlock2D, DownBlockType.DownBlock2D, DownBlockType.AttnDownBlock2D],
            UpBlockTypes = [UpBlockType.AttnUpBlock2D, UpBlockType.UpBlock2D, UpBlockType.UpBlock2D],
            LayersPerBlock = 1,
            AttentionHeadDim = 32,
            NormNumGroups = 8,
        },
        seed: 0);

    /// <summary>
    /// How many steps fit into the time, measured on a temporary network: the learning rate falls to zero over these steps.
    /// </summary>
    public static QualityPlan Plan(double minutes, IImageSource images, ComputeDevice device)
    {
        Console.WriteLine($"Measuring {CalibrationWarmUp + CalibrationSteps} steps.");
        using UNet2D model = CreateModel();
        List<TimeSpan> times = [];
        using Trainer trainer = Prepare(model, images, device)
            .Configure(o =>
            {
                o.Steps = CalibrationWarmUp + CalibrationSteps;
                o.ReportEverySteps = 1;
            })
            .ReportTo(new Observer(progress => times.Add(progress.Elapsed)))
            .Build();
        trainer.Run();
        TimeSpan step = (times[^1] - times[CalibrationWarmUp - 1]) / CalibrationSteps;
        return new QualityPlan(minutes, Math.Max(1, (long)(UsedShare * TimeSpan.FromMinutes(minutes) / step)));
    }

    /// <summary>The trainer of a run; it resumes from the run's last checkpoint.</summary>
    public static Trainer Create(UNet2D model, IImageSource images, ComputeDevice device, QualityRun run)
    {
        QualityPlan plan = run.Plan!;
        return Prepare(model, images, device)
            .UseCheckpoints(run.Folder, StepsPerCheckpoint)
            .Configure(o =>
            {
                o.Steps = plan.Steps;
                o.TimeLimit = Left(plan);
                o.ReportEverySteps = StepsPerReport;
                o.KeepCheckpoints = 1;
            })
            .ReportTo(new Observer(progress =>
            {
                run.Plan = plan with { Trained = plan.Trained + progress.Elapsed, Loss = progress.Loss };
                Console.WriteLine(
                    $"Step {progress.Step} of {progress.Steps}: loss {progress.Loss:F4}, {progress.ImagesPerSecond:F0} images/s, "
                    + $"{progress.Remaining:mm\\:ss} left");
            }))
            .Build();
    }

    private static TrainerBuilder Prepare(UNet2D model, IImageSource images, ComputeDevice device) => Trainer.For(model)
        .UseDevice(device)
        .UseData(images)
        .UsePrediction(Prediction)
        .UseLearningRate(LearningRate.Cosine(PeakLearningRate))
        .Configure(o =>
        {
            o.BatchSize = BatchSize;
            o.Timesteps = Timesteps;
        });

    // The option accepts only positive limits.
    private static TimeSpan Left(QualityPlan plan)
    {
        TimeSpan left = TimeSpan.FromMinutes(plan.Minutes) - plan.Trained;
        return left > TimeSpan.Zero ? left : TimeSpan.FromTicks(1);
    }

    private sealed class Observer(Action<TrainingProgress> report) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => report(value);
    }
}
