using System.Globalization;
using Diffusion;
using Diffusion.Sampling;
using Diffusion.Training;
using static TorchSharp.torch;

namespace PlanFirst;

/// <summary>The whole of it: data, network, plan, training, pictures.</summary>
internal static class PlanFirstRun
{
    private const int Columns = 10;
    private const int Rows = 4;
    private const int PicturesPerRun = 8;

    /// <summary>Plans, and trains unless only the plan was wanted.</summary>
    /// <returns>The exit code.</returns>
    public static int Execute(Settings settings, StopSignals signals)
    {
        settings.Check();
        ComputeDevice device = ComputeDevice.Parse(settings.Device);
        using IImageSource images = InMemoryImages.Load(ImageFolder.Open(settings.Images, settings.Size));
        using UNet2D unet = new(Network(settings, images), settings.Seed);
        Console.WriteLine($"{images.Description}; {device}, {device.CpuThreads} CPU threads; run folder {settings.RunFolder}");
        Console.WriteLine();

        Choices? kept = settings.PlanOnly ? null : Choices.Read(settings.RunFolder, settings.Batch);
        Choices choices = kept ?? new Planning(settings, images, unet, device, signals.Token).Run();
        if (settings.PlanOnly)
        {
            return 0;
        }

        choices.Write(settings.RunFolder);
        using Trainer trainer = Planning.Builder(settings, images, unet, device, choices)
            .ReportTo(new ProgressLines(choices.Steps))
            .ReportFindingsTo(new FindingLines())
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

        Console.WriteLine(kept is null ? $"Training {choices.Steps} steps." : $"Going on from step {trainer.Step} of {choices.Steps}, as planned before (choices.json).");
        TrainingResult result = trainer.Run(signals.Token);
        if (result.StopReason == StopReason.Cancelled)
        {
            Console.WriteLine($"Stopped at step {result.Step}. The same command goes on from {result.Checkpoint}.");
            return signals.ExitCode;
        }

        using Tensor grid = Sample(result.EmaDenoiser, images.ClassCount, settings.Seed);
        Console.WriteLine($"Samples    {Save(grid, settings, "samples.png")}");
        Console.WriteLine($"Checkpoint {result.Checkpoint}");
        return 0;
    }

    private static UNet2DOptions Network(Settings settings, IImageSource images)
    {
        UNet2DOptions usual = UNet2DOptions.ForImages(settings.Size, images.Shape.Channels, images.ClassCount);
        return settings.Small
            ? usual with { BlockOutChannels = [.. usual.BlockOutChannels.Select(channels => channels / 2)], LayersPerBlock = 1, AttentionHeadDim = 16, NormNumGroups = 8 }
            : usual;
    }

    // One column per class where there are classes.
    private static Tensor Sample(Denoiser denoiser, int? classCount, long seed)
    {
        long[]? classes = classCount is { } count ? [.. Enumerable.Range(0, Columns * Rows).Select(i => (long)(i % Columns % count))] : null;
        return new DdimSampler { Steps = 50 }.Sample(denoiser, Columns * Rows, seed, classes);
    }

    private static string Save(Tensor samples, Settings settings, string name)
    {
        string path = Path.Combine(settings.RunFolder, name);
        ImageGrid.Save(samples, path, columns: Columns, scale: Math.Max(1, 96 / settings.Size));
        return path;
    }

    /// <summary>A line of progress now and then.</summary>
    private sealed class ProgressLines(long steps) : IProgress<TrainingProgress>
    {
        private const int LinesPerRun = 20;

        private long nextLine;

        public void Report(TrainingProgress value)
        {
            if (value.Step >= nextLine || value.Step == steps)
            {
                nextLine = value.Step + Math.Max(1, steps / LinesPerRun);
                Console.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"step {value.Step}/{value.Steps}  loss {value.Loss:F4}{HeldOut(value)}  {value.ImagesPerSecond:F0} images/s  {(long)value.Remaining.TotalHours:00}:{value.Remaining:mm\\:ss} left"));
            }
        }

        private static string HeldOut(TrainingProgress value) => value.HeldOutLoss is { } loss ? string.Create(CultureInfo.InvariantCulture, $"  held out {loss:F4}") : string.Empty;
    }

    /// <summary>A line for everything that is wrong with the run.</summary>
    private sealed class FindingLines : IProgress<HealthFinding>
    {
        public void Report(HealthFinding value) => Console.WriteLine($"step {value.Step}: {value}");
    }
}
