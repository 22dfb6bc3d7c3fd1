using Diffusion.Data;
using Diffusion.Reporting;
using Diffusion.Tool.RunFiles;
using Diffusion.Tool.Sampling;
using Diffusion.Tool.Terminal;
using Diffusion.Training;

namespace Diffusion.Tool.Running;

/// <summary>Builds the trainer of a run.</summary>
internal static class RunSetup
{
    private const string AnyGpu = "cuda";

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
        if (run.Name is { } name)
        {
            builder.UseTelemetry(name);
        }

        if (isDistributed)
        {
            builder.UseDistributed(options: run.Distributed);
        }

        ComputeDevice device = ComputeDevice.Parse(run.Device).WithCpuThreads(run.CpuThreads); // says if there is none
        if (!isDistributed || NamesOne(run.Device))
        {
            builder.UseDevice(device);
        }
        else if (run.CpuThreads is not null)
        {
            // The GPU that a process takes itself has the threads of the process.
            ComputeDevice.Cpu(run.CpuThreads).Activate();
        }

        return builder;
    }

    /// <summary>The files for TensorBoard.</summary>
    /// <param name="run">The run.</param>
    /// <returns>The writer; null for none.</returns>
    public static TensorBoardWriter? TensorBoard(RunFile run) =>
        run.Report.TensorBoard is { } folder ? new TensorBoardWriter(folder) : null;

    /// <summary>The page of the run.</summary>
    /// <param name="run">The run.</param>
    /// <param name="plan">The plan to compare it with; null for none.</param>
    /// <param name="board">Also receives the grids; null for none.</param>
    public static RunReportOptions Report(RunFile run, TrainingPlan? plan, TensorBoardWriter? board) => new()
    {
        SampleEverySteps = run.Report.EverySteps,
        Samples = run.Report.Samples,
        Sampler = SamplerNames.Create(run.Report.Sampler, run.Report.Steps),
        Guidance = run.Report.Guidance,
        Seed = run.Training.Seed,
        Plan = plan,
        TensorBoard = board,
    };

    /// <summary>
    /// Whether a name is that of one device. Otherwise each process of a distributed run takes its own GPU, where there are GPUs.
    /// </summary>
    /// <param name="device">The name of the device.</param>
    internal static bool NamesOne(string device) =>
        !DeviceNames.IsBest(device) && !device.Trim().Equals(AnyGpu, StringComparison.OrdinalIgnoreCase);
}
