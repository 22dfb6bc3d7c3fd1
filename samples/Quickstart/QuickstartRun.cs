using Diffusion;
using Diffusion.Data;
using Diffusion.Reporting;
using Diffusion.Sampling;
using Diffusion.Training;
using Spectre.Console;
using static TorchSharp.torch;

namespace Quickstart;

/// <summary>The whole program: data, model, trainer, images.</summary>
internal static class QuickstartRun
{
    private const int Columns = 10;
    private const int Rows = 6;

    /// <summary>Trains, samples and plots.</summary>
    /// <returns>The exit code.</returns>
    public static int Execute(Settings settings, StopSignals signals)
    {
        string samples = Path.Combine(settings.RunFolder, "samples.png");
        string curve = Path.Combine(settings.RunFolder, "loss.png");

        ComputeDevice device = ComputeDevice.Parse(settings.Device);
        using IImageSource images = Data.Open(settings);
        using UNet2D unet = SmallModel.Create(images.Shape, images.ClassCount, settings.Seed);
        ProgressDisplay display = new();

        using Trainer trainer = Trainer.For(unet)
            .UseDevice(device)
            .UseData(images)
            .UsePrediction(PredictionType.Velocity)
            .UseLearningRate(LearningRate.Cosine(1e-3))
            .UseEma(decay: 0.995)
            .UseCheckpoints(settings.RunFolder, everySteps: 200)
            .ReportTo(display)
            .Configure(o =>
            {
                o.Steps = settings.Steps;
                o.BatchSize = settings.Batch;
                o.Seed = settings.Seed;
                o.ReportEverySteps = 10;
            })
            .Build();

        Console.WriteLine(images.Report.ToString(images.Description));
        Console.WriteLine($"{device}, {device.CpuThreads} CPU threads; run folder {settings.RunFolder}");
        if (trainer.Step > 0)
        {
            Console.WriteLine($"Resuming from step {trainer.Step} of {settings.Steps}.");
        }

        // The options are chosen by this sample for a few minutes on a CPU; only the images can be yours.
        foreach (TrainingWarning warning in trainer.Warnings.Where(warning => warning.Option is "Data" or "Network"))
        {
            Console.WriteLine($"Unusual: {warning}");
        }

        TrainingResult result = display.Show(trainer.Step, settings.Steps, () => trainer.Run(signals.Token));
        if (result.StopReason == StopReason.Cancelled)
        {
            string saved = result.Checkpoint is null ? "before the first step" : $"at step {result.Step}, saved";
            Console.WriteLine($"Stopped {saved}. To resume: {settings.Command}");
            return signals.ExitCode;
        }

        using Tensor grid = Sample(result.EmaDenoiser, images.ClassCount, settings.Seed);
        ImageGrid.Save(grid, samples, columns: Columns, scale: Math.Max(1, 96 / images.Shape.Height));
        LossCurve.FromRun(settings.RunFolder).SavePlot(curve);
        Console.WriteLine($"Samples    {samples}");
        Console.WriteLine($"Loss curve {curve}");
        Console.WriteLine($"Checkpoint {result.Checkpoint}");
        return 0;
    }

    // One column per class if there are classes.
    private static Tensor Sample(Denoiser denoiser, int? classCount, long seed)
    {
        long[]? classes = classCount is { } count
            ? [.. Enumerable.Range(0, Columns * Rows).Select(i => (long)(i % Columns % count))]
            : null;
        return new DdimSampler { Steps = 50 }.Sample(denoiser, Columns * Rows, seed, classes);
    }
}
