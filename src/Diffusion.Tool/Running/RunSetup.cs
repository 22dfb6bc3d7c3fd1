using System.Globalization;
using Diffusion.Data;
using Diffusion.Tool.RunFiles;
using Diffusion.Tool.Sampling;
using Diffusion.Training;
using static TorchSharp.torch;

namespace Diffusion.Tool.Running;

/// <summary>Builds the trainer of a run.</summary>
internal static class RunSetup
{
    private const string BestDevice = "best";

    /// <summary>The builder of the run, with its previews.</summary>
    /// <param name="run">The run.</param>
    /// <param name="images">Its images.</param>
    /// <param name="model">Its network.</param>
    /// <param name="isDistributed">Whether a launcher started several processes.</param>
    public static TrainerBuilder Builder(RunFile run, IImageSource images, IDiffusionModel model, bool isDistributed)
    {
        OptimizerSection optimizer = run.Optimizer;
        TrainerBuilder builder = Trainer.For(model)
            .UseOptions(run.Training)
            .UseData(images)
            .UseOptimizer(Optimizers.AdamW(optimizer.WeightDecay, optimizer.Beta1, optimizer.Beta2));
        if (isDistributed)
        {
            builder.UseDistributed();
        }

        // Without a named device, each process of a distributed run takes its own.
        if (!isDistributed || run.Device != BestDevice)
        {
            builder.UseDevice(ComputeDevice.Parse(run.Device));
        }

        return run.Previews.EverySteps is { } every
            ? builder.AddPreview(every, preview => SavePreview(run, images.ClassCount, preview))
            : builder;
    }

    private static void SavePreview(RunFile run, int? classes, TrainingPreview preview)
    {
        PreviewSection section = run.Previews;
        RequestedImages requested = new()
        {
            Count = section.Count,
            Classes = run.Network.Classes ? classes : null,
            Guidance = section.Guidance,
            Sampler = SamplerNames.Create(section.Sampler, section.Steps),
            Seed = run.Training.Seed,
        };
        using Tensor samples = requested.Sample(preview.EmaDenoiser, progress: null, preview.CancellationToken);
        preview.Check(samples);
        string name = $"step-{preview.Step.ToString("D9", CultureInfo.InvariantCulture)}.png";
        ImageFiles.SaveGrid(samples, Path.Combine(run.Training.RunFolder!, "previews", name));
    }
}
