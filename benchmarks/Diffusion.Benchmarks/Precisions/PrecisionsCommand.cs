using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Diffusion.Data;
using Diffusion.Training;

namespace Diffusion.Benchmarks;

/// <summary>
/// <c>precisions</c>: the held-out loss after the same steps in several precisions, compared with float32.
/// </summary>
/// <remarks>
/// All runs start from the same weights and see the same images with the same noise. The loss is that of the averaged weights, on held-out
/// images with fixed noise.
/// </remarks>
internal static class PrecisionsCommand
{
    private const double MaxDifference = 0.01;
    private const double HeldOutImages = 500;

    public static Command Create()
    {
        Option<int> steps = new("--steps") { Description = "Steps of each run.", DefaultValueFactory = _ => 2000 };
        Option<int> batch = new("--batch") { Description = "Images per step.", DefaultValueFactory = _ => 16 };
        Option<Precision[]> precisions = new("--precisions")
        {
            Description = "The precisions to compare with float32; default BFloat16.", AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => [Precision.BFloat16],
        };
        Option<string> device = DeviceOption.Create();
        Command command = new("precisions",
            "The held-out loss on MNIST and tiles in several precisions, for the same steps. Needs DIFFUSION_DATA.")
        {
            steps, batch, precisions, device,
        };
        command.SetAction(arguments => Run(
            arguments.GetValue(steps), arguments.GetValue(batch), arguments.GetValue(precisions)!,
            ComputeDevice.Parse(arguments.GetValue(device)!)));
        return command;
    }

    private static int Run(int steps, int batch, Precision[] precisions, ComputeDevice device)
    {
        device.Activate();
        List<double> differences = [];
        Console.WriteLine("| images | precision | ms per step | held-out loss | divided by float32's | overflowed steps |");
        Console.WriteLine("| --- | --- | ---: | ---: | ---: | ---: |");
        foreach (string name in (string[])["mnist", "tiles"])
        {
            using IImageSource? images = RealImages.Open(name);
            if (images is null)
            {
                Console.WriteLine("SKIPPED: DIFFUSION_DATA is not set to a folder with mnist and dcss-tiles.");
                return 0;
            }

            double? float32 = null;
            foreach (Precision precision in precisions.Prepend(Precision.Float32))
            {
                Outcome outcome = Train(images, precision, steps, batch, device);
                float32 ??= outcome.Loss;
                differences.Add(Math.Abs((outcome.Loss / float32.Value) - 1));
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"| {name} | {precision} | {outcome.StepMilliseconds:F1} | {outcome.Loss:F5} | {outcome.Loss / float32:F4} | "
                        + $"{outcome.Overflowed} |"));
            }
        }

        double max = differences.Max();
        return Verdict.Print(
            $"Loss of the averaged weights on held-out images after {steps} steps of {batch} images.",
            string.Create(CultureInfo.InvariantCulture, $"at most {max:P2} from float32; target: {MaxDifference:P0}"),
            max <= MaxDifference);
    }

    private static Outcome Train(IImageSource images, Precision precision, int steps, int batch, ComputeDevice device)
    {
        using UNet2D network = SmallNetwork.For(images.Shape);
        double? loss = null;
        long overflowed = 0;
        using Trainer trainer = Trainer.For(network)
            .UseDevice(device)
            .UseData(images)
            .UsePrediction(PredictionType.Velocity)
            .UseLearningRate(LearningRate.Cosine(1e-3).WithWarmup(50))
            .Configure(o =>
            {
                (o.Steps, o.BatchSize, o.Precision) = (steps, batch, precision);
                (o.HoldOutFraction, o.HoldOutEverySteps, o.ReportEverySteps) = (HeldOutImages / images.Count, steps, steps);
            })
            .ReportTo(progress => (loss, overflowed) = (progress.HeldOutLoss ?? loss, progress.OverflowedSteps))
            .Build();
        Stopwatch watch = Stopwatch.StartNew();
        trainer.Run();
        return new Outcome(loss!.Value, watch.Elapsed.TotalMilliseconds / steps, overflowed);
    }

    private sealed record Outcome(double Loss, double StepMilliseconds, long Overflowed);
}
