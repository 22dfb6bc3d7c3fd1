using Diffusion;
using Diffusion.Data;
using Diffusion.Sampling;
using Diffusion.Training;
using static TorchSharp.torch;

namespace PlanFirst;

/// <summary>The whole program: data, network, plan, training, images.</summary>
internal static class PlanFirstRun
{
    private const int Columns = 10;
    private const int Rows = 4;
    private const int PicturesPerRun = 8;

    /// <summary>Plans, and trains unless --plan-only is set.</summary>
    /// <returns>The exit code.</returns>
    public static int Execute(Settings settings, StopSignals signals)
    {
        settings.Check();
        ComputeDevice device = ComputeDevice.Parse(settings.Device);
        using IImageSource images = InMemoryImages.Load(ImageFolder.Open(settings.Images, settings.Size));
        using UNet2D unet = new(UNet2DOptions.ForImages(images.Shape, settings.NetworkSize, images.ClassCount), settings.Seed);
        ConsoleReporter console = new();
        Console.WriteLine(images.Report.ToString(images.Description));
        Console.WriteLine($"{device}, {device.CpuThreads} CPU threads; run folder {settings.RunFolder}");
        Console.WriteLine();

        Choices? kept = settings.PlanOnly ? null : Choices.Read(settings);
        Choices choices = kept ?? new Planning(settings, images, unet, device, signals.Token).Run();
        if (settings.PlanOnly)
        {
            return 0;
        }

        choices.Write(settings.RunFolder);
        using Trainer trainer = Planning.Builder(settings, images, unet, device, choices)
            .ReportTo(console)
            .ReportFindingsTo(console)
            .AddPreview((int)Math.Max(1, choices.Steps / PicturesPerRun), preview =>
            {
                using Tensor samples = Sample(preview.EmaDenoiser, images.ClassCount, settings.Seed);
                preview.Check(samples);
                Save(samples, settings, $"samples-{preview.Step:D6}.png");
            })
            .Build();
        foreach (TrainingWarning warning in trainer.Warnings)
        {
            Console.WriteLine($"Unusual: {warning}");
        }

        Console.WriteLine(kept is null
            ? $"Training {choices.Steps} steps."
            : $"Resuming from step {trainer.Step} of {choices.Steps}, as planned before (choices.json).");
        TrainingResult result = trainer.Run(signals.Token);
        if (result.StopReason == StopReason.Canceled)
        {
            Console.WriteLine($"Stopped at step {result.Step}. The same command resumes from {result.Checkpoint}.");
            return signals.ExitCode;
        }

        using Tensor grid = Sample(result.EmaDenoiser, images.ClassCount, settings.Seed);
        Console.WriteLine($"Samples    {Save(grid, settings, "samples.png")}");
        Console.WriteLine($"Checkpoint {result.Checkpoint}");
        return 0;
    }

    // One column per class if there are classes.
    private static Tensor Sample(Denoiser denoiser, int? classCount, long seed)
    {
        long[]? classes = classCount is { } count
            ? [.. Enumerable.Range(0, Columns * Rows).Select(i => (long)(i % Columns % count))]
            : null;
        return new DpmSolver { Steps = 20 }.Sample(denoiser, Columns * Rows, seed, classes);
    }

    private static string Save(Tensor samples, Settings settings, string name)
    {
        string path = Path.Combine(settings.RunFolder, name);
        ImageGrid.Save(samples, path, columns: Columns, scale: Math.Max(1, 96 / settings.Size));
        return path;
    }
}
