using Diffusion;
using Diffusion.Sampling;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusers;

/// <summary>Reads a diffusers folder and samples images.</summary>
internal static class ImportRun
{
    /// <summary>Writes the grid.</summary>
    /// <returns>The exit code.</returns>
    public static int Execute(ImportSettings settings)
    {
        using DiffusersModel model = DiffusersFolder.Load(settings.Folder);
        Denoiser denoiser = model.CreateDenoiser();
        DiffusersScheduler scheduler = model.Scheduler! with { ClassName = settings.Sampler ?? model.Scheduler.ClassName };
        ComputeDevice device = ComputeDevice.Parse(settings.Device);
        model.UNet.to(device.Activate());

        long weights = model.UNet.NamedTensors().Sum(tensor => tensor.Value.NumberOfElements);
        ISampler sampler = scheduler.ToSampler(settings.Steps);
        Console.WriteLine($"{weights} weights; {scheduler.Schedule.Description}; predicts {scheduler.Prediction}; {device}");
        Console.WriteLine(sampler);

        // Uses the classes in turn if the model has classes.
        long[]? classes = model.UNet.ClassCount is { } count ? [.. Enumerable.Range(0, settings.Count).Select(i => (long)i % count)] : null;
        using Tensor images = sampler.Sample(denoiser, settings.Count, settings.Seed, classes, new Tenths());
        ImageGrid.Save(images, settings.Out);
        Console.WriteLine($"{settings.Count} images in {settings.Out}");
        return 0;
    }

    /// <summary>Prints progress at each tenth.</summary>
    private sealed class Tenths : IProgress<SamplingProgress>
    {
        private int printed;

        public void Report(SamplingProgress value)
        {
            int tenths = (int)(value.Fraction * 10);
            if (tenths > printed)
            {
                printed = tenths;
                Console.WriteLine($"{tenths}0%, {value.Elapsed.TotalSeconds:F0} s");
            }
        }
    }
}
