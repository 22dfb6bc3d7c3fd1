using Diffusion.Data;
using Diffusion.Reporting;
using Diffusion.Tool.RunFiles;
using Diffusion.Tool.Sampling;
using Diffusion.Training;

namespace Diffusion.Tool.Running;

/// <summary>Builds the trainer of a run.</summary>
internal static class RunSetup
{
    private const string BestDevice = "best";

    /// <summary>The builder of the run.</summary>
    /// <param name="run">The run.</param>
    /// <param name="images">Its images.</param>
    /// <param name="model">Its network.</param>
    /// <param name="isDistributed">Whether a launcher started several processes.</param>
    public static TrainerBuilder Builder(RunFile run, IImageSource images, IDiffusionModel model, bool isDistributed)
    {
        TrainerBuilder builder = Trainer.For(model)
            .UseOptions(run.Training)
            .UseData(images)
            .UseOptimizer(run.Optimizer.Create());
        if (isDistributed)
        {
            builder.UseDistributed();
        }

        // Without a named device, each process of a distributed run takes its own.
        if (!isDistributed || run.Device != BestDevice)
        {
            builder.UseDevice(ComputeDevice.Parse(run.Device));
        }

        return builder;
    }

    /// <summary>The page of the run.</summary>
    /// <param name="run">The run.</param>
    /// <param name="plan">The plan to compare it with; null for none.</param>
    public static RunReportOptions Report(RunFile run, TrainingPlan? plan) => new()
    {
        SampleEverySteps = run.Report.EverySteps,
        Samples = run.Report.Samples,
        Sampler = SamplerNames.Create(run.Report.Sampler, run.Report.Steps),
        Guidance = run.Report.Guidance,
        Seed = run.Training.Seed,
        Plan = plan,
    };
}
