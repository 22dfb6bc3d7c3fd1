using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Diffusion.Data;
using Diffusion.Training;

namespace Diffusion.Benchmarks;

/// <summary>
/// <c>optimizers</c>: the held-out loss of one network under each optimizer, by time, for the same time on each dataset.
/// </summary>
/// <remarks>
/// All runs start from the same weights and see the same images in the same order, with a constant learning rate after a short warm-up:
/// that of <see cref="LrRangeFinder"/>, unless another is asked for. The loss is that of the weights to use: the averaged ones, or those
/// that the optimizer averages. Measuring it is part of the time; finding the rate is not.
/// </remarks>
internal static class OptimizersCommand
{
    private const int BatchSize = 32;
    private const int WarmupSteps = 50;
    private const double HeldOutImages = 480;
    private const double Average = 0.1;
    private const long Endless = 10_000_000;

    public static Command Create()
    {
        Option<string[]> data = new("--data")
        {
            Description = "The datasets: mnist, tiles or signs; default all.", AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => [.. RealImages.Names],
        };
        data.AcceptOnlyFromAmong([.. RealImages.Names]);
        Option<double> seconds = new("--seconds") { Description = "The time of each run.", DefaultValueFactory = _ => 300 };
        Option<int> every = new("--every") { Description = "The steps between two measurements.", DefaultValueFactory = _ => 50 };
        Option<string[]> only = new("--only")
        {
            Description = "The optimizers, such as muon or muon=2e-3 with a learning rate; default all, with the rates of LrRangeFinder.",
            AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [],
        };
        Option<string?> picture = new("--picture") { Description = "The plot to write; default none." };
        Option<string> device = DeviceOption.Create();
        Command command = new("optimizers", "The held-out loss under each optimizer, by time. Needs DIFFUSION_DATA.")
        {
            data, seconds, every, only, picture, device,
        };
        command.SetAction(arguments => Run(
            arguments.GetValue(data)!, OptimizerRun.Of(arguments.GetValue(only)!), TimeSpan.FromSeconds(arguments.GetValue(seconds)),
            arguments.GetValue(every), arguments.GetValue(picture), ComputeDevice.Parse(arguments.GetValue(device)!)));
        return command;
    }

    private static int Run(
        string[] data, IReadOnlyList<OptimizerRun> runs, TimeSpan time, int every, string? picture, ComputeDevice device)
    {
        device.Activate();
        Console.WriteLine(
            "| images | optimizer | learning rate | found in, s | steps | ms per step | held-out loss | last loss of the first after, s |");
        Console.WriteLine("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |");
        List<(string Images, IReadOnlyList<OptimizerCurve> Curves)> panels = [];
        foreach (string name in data)
        {
            using IImageSource? images = RealImages.Open(name);
            if (images is null)
            {
                Console.WriteLine($"SKIPPED: DIFFUSION_DATA is not set to a folder with the images of {name}.");
                continue;
            }

            List<OptimizerCurve> curves = [];
            foreach (OptimizerRun run in runs)
            {
                Stopwatch clock = Stopwatch.StartNew();
                double? rate = run.Rate ?? Rate(run, images, device);
                double finding = run.Rate is null ? clock.Elapsed.TotalSeconds : 0;
                if (rate is null)
                {
                    Console.WriteLine($"| {name} | {run.Name} | none found | | | | | |");
                    continue;
                }

                OptimizerCurve curve = Train(run, rate.Value, images, time, every, device);
                curves.Add(curve);
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"| {name} | {run.Name} | {rate:0.#e-0} | {finding:F0} | {curve.Steps} | "
                        + $"{1000 * curve.Last.Seconds / curve.Steps:F1} | {curve.Last.Loss:F5} | "
                        + $"{curve.FirstAt(curves[0].Last.Loss)?.ToString("F0", CultureInfo.InvariantCulture) ?? "never"} |"));
            }

            if (curves.Count > 0)
            {
                panels.Add((name, curves));
            }
        }

        if (picture is not null && panels.Count > 0)
        {
            OptimizerPlot.Save(picture, panels);
            Console.WriteLine($"Wrote {picture}.");
        }

        return 0;
    }

    private static double? Rate(OptimizerRun run, IImageSource images, ComputeDevice device)
    {
        using UNet2D network = SmallNetwork.For(images.Shape);
        return Builder(run, network, images, device).BuildLrRangeFinder(new LrRangeOptions()).Run().Suggestion.LearningRate;
    }

    private static OptimizerCurve Train(
        OptimizerRun run, double rate, IImageSource images, TimeSpan time, int every, ComputeDevice device)
    {
        using UNet2D network = SmallNetwork.For(images.Shape);
        List<(double Seconds, double Loss)> points = [];
        long steps = 0;
        using CancellationTokenSource stop = new();
        using Trainer trainer = Builder(run, network, images, device)
            .UseLearningRate(LearningRate.Constant(rate).WithWarmup(WarmupSteps))
            .Configure(o => (o.Steps, o.HoldOutEverySteps, o.ReportEverySteps) = (Endless, every, every))
            .ReportTo(progress =>
            {
                steps = progress.Step;
                if (progress.HeldOutLoss is { } loss)
                {
                    points.Add((progress.Elapsed.TotalSeconds, loss));
                }

                if (progress.Elapsed >= time)
                {
                    stop.Cancel();
                }
            })
            .Build();
        trainer.Run(stop.Token);
        return new OptimizerCurve(run.Name, steps, points);
    }

    private static TrainerBuilder Builder(OptimizerRun run, UNet2D network, IImageSource images, ComputeDevice device)
    {
        TrainerBuilder builder = Trainer.For(network)
            .UseDevice(device)
            .UseData(images)
            .UsePrediction(PredictionType.Velocity)
            .UseOptimizer(run.Factory)
            .Configure(o => (o.BatchSize, o.HoldOutFraction) = (BatchSize, HeldOutImages / images.Count));
        return run.Factory.AveragesWeights ? builder : builder.UseEma(EmaLaw.PowerFunction(Average));
    }
}
