using System.Diagnostics;
using System.Globalization;
using Diffusion.Sampling;
using Diffusion.Training;
using Samples;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Benchmarks;

/// <summary>Images per second of training and sampling on a device, by network and batch.</summary>
internal static class DeviceSpeed
{
    private const int WarmUpSteps = 20;
    private const int TimedSteps = 60;
    private const int SamplerSteps = 20;
    private static readonly int[] TrainingBatches = [16, 128, 512];
    private static readonly int[] SamplingBatches = [1, 4, 16, 64, 256];

    public static void Print(ComputeDevice device)
    {
        (string, UNet2DOptions)[] networks =
        [
            ("6.8 M", UNet2DOptions.ForImages(32, 3, UNet2DSize.Medium)),
            ("35.7 M", RanksCommand.Ddpm),
        ];
        using DrawnShapes images = DrawnShapes.Create(2000);
        foreach ((string name, UNet2DOptions options) in networks)
        {
            foreach (int batch in TrainingBatches)
            {
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"train {name}, batch {batch}: {TrainingRate(device, options, images, batch):F1} images/s"));
            }

            foreach (int batch in SamplingBatches)
            {
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"sample {name}, batch {batch}, {SamplerSteps} calls: {SamplingRate(device, options, batch):F2} images/s"));
            }
        }
    }

    private static double TrainingRate(ComputeDevice device, UNet2DOptions options, DrawnShapes images, int batch)
    {
        using UNet2D network = new(options);
        long began = 0;
        long ended = 0;
        using Trainer trainer = Trainer.For(network)
            .UseDevice(device)
            .UseData(images)
            .ReportTo(progress => (began, ended) = (ended, Stopwatch.GetTimestamp()))
            .Configure(o =>
            {
                o.Steps = WarmUpSteps + TimedSteps;
                o.BatchSize = batch;
                o.ReportEverySteps = WarmUpSteps + (TimedSteps / 2); // a report reads the loss, so the device has finished by then
            })
            .Build();
        trainer.Run();
        return (TimedSteps - (TimedSteps / 2)) * (double)batch / Stopwatch.GetElapsedTime(began, ended).TotalSeconds;
    }

    private static double SamplingRate(ComputeDevice device, UNet2DOptions options, int batch)
    {
        using UNet2D network = new(options);
        network.to(device.Activate());
        Denoiser denoiser = new(network, NoiseSchedule.Cosine());
        DdimSampler sampler = new() { Steps = SamplerSteps };
        SampleRequest request = new() { Count = batch, BatchSize = batch, Shape = ImageShape.Square(32) };
        Sample();
        long began = Stopwatch.GetTimestamp();
        int repeats = 0;
        while (repeats < 3 || Stopwatch.GetElapsedTime(began).TotalSeconds < 1)
        {
            Sample();
            repeats++;
        }

        return repeats * batch / Stopwatch.GetElapsedTime(began).TotalSeconds;

        void Sample()
        {
            using Tensor images = sampler.Sample(denoiser, request);
            images.cpu().Dispose();
        }
    }
}
