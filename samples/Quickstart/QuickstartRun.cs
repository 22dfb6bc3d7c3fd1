using Diffusion;
using Diffusion.Data;
using Diffusion.Reporting;
using Diffusion.Sampling;
using Diffusion.Training;
using Spectre.Console;
using TorchSharp;
using static TorchSharp.torch;

namespace Quickstart;

/// <summary>The whole program: data, model, trainer, images.</summary>
internal static class QuickstartRun
{
    private const int Columns = 10;
    private const int Rows = 6;
    private const double GuidanceScale = 3;
    private static readonly TimeSpan FrameTime = TimeSpan.FromMilliseconds(200);

    /// <summary>Trains, samples and plots.</summary>
    /// <returns>The exit code.</returns>
    public static int Execute(Settings settings, StopSignals signals)
    {
        string samples = Path.Combine(settings.RunFolder, "samples.png");
        string film = Path.Combine(settings.RunFolder, "samples.webp");
        string curve = Path.Combine(settings.RunFolder, "loss.png");

        ComputeDevice device = ComputeDevice.Parse(settings.Device);
        using IImageSource images = Data.Open(settings);
        using IDiffusionModel model = SmallModel.Create(images.Shape, images.ClassCount, settings.Seed);
        ProgressDisplay display = new();

        using Trainer trainer = Trainer.For(model)
            .UseDevice(device)
            .UseData(images)
            .UseLearningRate(LearningRate.Cosine(2e-3))
            .UseCheckpoints(settings.RunFolder, everySteps: 200)
            .WriteReport()
            .ReportTo(display)
            .Configure(o =>
            {
                o.Steps = settings.Steps;
                o.BatchSize = settings.Batch;
                o.Seed = settings.Seed;
                o.Precision = settings.Precision;
                o.ReportEverySteps = 10;

                o.Schedule = SmallModel.Schedule;
                o.Objective = SmallModel.Objective(images.ClassCount);
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
        if (result.StopReason == StopReason.Canceled)
        {
            string saved = result.Checkpoint is null ? "before the first step" : $"at step {result.Step}, saved";
            Console.WriteLine($"Stopped {saved}. To resume: {settings.Command}");
            return signals.ExitCode;
        }

        using DisposeScope scope = NewDisposeScope();
        IReadOnlyList<Tensor> frames = Sample(result.EmaDenoiser, images.ClassCount, settings.Seed);
        int scale = Math.Max(1, 96 / images.Shape.Height);
        ImageGrid.Save(frames[^1], samples, columns: Columns, scale: scale);
        ImageFilm.Save(frames, film, columns: Columns, scale: scale, frameTime: FrameTime);
        LossCurve.FromRun(settings.RunFolder).SavePlot(curve);
        Console.WriteLine($"Samples    {samples}");
        Console.WriteLine($"Film       {film}");
        Console.WriteLine($"Loss curve {curve}");
        Console.WriteLine($"Report     {Path.Combine(settings.RunFolder, RunReport.FileName)}");
        Console.WriteLine($"Checkpoint {result.Checkpoint}");
        return 0;
    }

    // The frames of the denoising, of which the last are the finished images. One column per class if there are classes.
    private static IReadOnlyList<Tensor> Sample(Denoiser denoiser, int? classCount, long seed)
    {
        long[]? classes = classCount is { } count
            ? [.. Enumerable.Range(0, Columns * Rows).Select(i => (long)(i % Columns % count))]
            : null;
        SampleRequest request = new() { Count = Columns * Rows, Seed = seed, ClassLabels = classes };
        IDenoiser guided = classCount is null ? denoiser : new GuidedDenoiser(denoiser, GuidanceScale);
        return new HeunSampler { Steps = 10 }.Film(guided, request);
    }
}
