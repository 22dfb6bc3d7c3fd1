using Diffusion.TestKit;

namespace Diffusion.Training.Tests;

/// <summary>Short runs of any model on striped images of 8 x 8, six in a step and three at a time, on one thread.</summary>
internal static class StripedRun
{
    /// <summary>A builder of such a run.</summary>
    /// <param name="model">The model.</param>
    /// <param name="images">The images.</param>
    /// <param name="steps">The optimizer steps.</param>
    public static TrainerBuilder Builder(IDiffusionModel model, StripedImages images, int steps) =>
        Trainer.For(model).UseDevice(ComputeDevice.Cpu(threads: 1)).UseData(images).Configure(o =>
        {
            o.Steps = steps;
            o.BatchSize = 6;
            o.MicroBatchSize = 3;
            o.ReportEverySteps = 1;
            o.LearningRate = LearningRate.Constant(1e-2).WithWarmup(0);
        });

    /// <summary>Trains a model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="steps">The optimizer steps of the run.</param>
    /// <param name="configure">Edits the options.</param>
    /// <param name="observe">Receives the report of each step.</param>
    /// <param name="stopAt">The step at which the run is canceled; null to train to the end.</param>
    public static void Train(
        IDiffusionModel model, int steps, Action<TrainingOptions> configure, Action<TrainingProgress>? observe = null, int? stopAt = null)
    {
        using StripedImages images = new(size: 8);
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        using Trainer trainer = Builder(model, images, steps)
            .Configure(configure)
            .ReportTo(progress =>
            {
                observe?.Invoke(progress);
                if (progress.Step == stopAt)
                {
                    stop.Cancel();
                }
            })
            .Build();
        trainer.Run(stop.Token);
    }

    /// <summary>The bits of all weights of a network.</summary>
    public static byte[] Bytes(UNet2D unet) => [.. unet.NamedTensors().SelectMany(weights => weights.Value.bytes.ToArray())];
}
