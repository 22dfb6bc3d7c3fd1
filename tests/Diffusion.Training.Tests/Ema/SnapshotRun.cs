using Diffusion.TestKit;

namespace Diffusion.Training.Tests.Ema;

/// <summary>A small run that saves snapshots of its averages.</summary>
internal static class SnapshotRun
{
    public const int Steps = 60;
    public const int EverySteps = 5;

    /// <summary>Trains to the end, or up to a step.</summary>
    public static void Train(string folder, int steps = Steps, int? stopAt = null, int checkpoints = 7,
        Action<TrainingOptions>? configure = null, Action<TrainingPreview>? eachStep = null, IDiffusionModel? network = null)
    {
        using CancellationTokenSource stop = new();
        using TinyModel tiny = new(hidden: 4);
        using StripedImages images = new(40);
        TrainerBuilder builder = Trainer.For(network ?? tiny)
            .UseDevice(ComputeDevice.Cpu(threads: 1))
            .UseData(images)
            .UseLearningRate(LearningRate.Constant(1e-2))
            .UseCheckpoints(folder, checkpoints)
            .Configure(o =>
            {
                (o.Steps, o.BatchSize, o.Seed) = (steps, 4, 7);
                (o.Ema, o.AdditionalEma) = ("power-function(sigma-rel: 0.05)", ["power-function(sigma-rel: 0.1)"]);
                o.EmaSnapshotEverySteps = EverySteps;
                configure?.Invoke(o);
            });
        if (eachStep is not null)
        {
            builder.AddPreview(1, eachStep);
        }

        if (stopAt is { } step)
        {
            builder.AddPreview(step, _ => stop.Cancel());
        }

        using Trainer trainer = builder.Build();
        trainer.Run(stop.Token);
    }

    /// <summary>The snapshots by name.</summary>
    public static SortedDictionary<string, byte[]> Files(string folder) => new(
        Directory.GetFiles(Path.Combine(folder, "ema-snapshots")).ToDictionary(file => Path.GetFileName(file), File.ReadAllBytes),
        StringComparer.Ordinal);
}
