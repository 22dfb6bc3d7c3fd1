using Diffusion;
using Diffusion.Data;
using Diffusion.Sampling;
using Diffusion.Training;
using Samples;
using static TorchSharp.torch;

namespace CustomModel;

/// <summary>Trains the network on images in memory, and samples it.</summary>
internal static class CustomModelRun
{
    private const int Images = 2000;
    private const int Size = 16;
    private const int Samples = 16;

    /// <summary>Trains, samples and writes the picture.</summary>
    /// <returns>The exit code.</returns>
    public static int Execute(Settings settings, StopSignals signals)
    {
        using IImageSource images = InMemoryImages.Load(DrawnShapes.Create(Images, Size, settings.Seed));
        using ModuleModel model = new(() => new ConvNet(images.Shape.Channels), settings.Seed) { SampleShape = images.Shape };
        using Trainer trainer = Trainer.For(model)
            .UseDevice(ComputeDevice.Parse(settings.Device))
            .UseData(images)
            .UsePrediction(PredictionType.Velocity)
            .UseEma(decay: 0.99)
            .ReportTo(new ConsoleReporter())
            .Configure(o =>
            {
                o.Steps = settings.Steps;
                o.BatchSize = 16;
                o.Seed = settings.Seed;
                o.LearningRate = LearningRate.Cosine(1e-3);
            })
            .Build();

        TrainingResult result = trainer.Run(signals.Token);
        if (result.StopReason == StopReason.Canceled)
        {
            Console.WriteLine($"Stopped at step {result.Step} of {settings.Steps}.");
            return signals.ExitCode;
        }

        using Tensor samples = new DdimSampler { Steps = 50 }.Sample(result.EmaDenoiser, Samples, settings.Seed);
        ImageGrid.Save(samples, settings.Out, columns: 4, scale: 6);
        Console.WriteLine($"Samples {settings.Out}");
        return 0;
    }
}
