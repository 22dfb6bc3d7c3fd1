using System.CommandLine;
using System.Globalization;
using Diffusion.Data;
using Diffusion.Reporting;
using Diffusion.Training;
using ScottPlot;
using PlotStyle = Diffusion.Reporting.PlotStyle;

namespace Diffusion.Benchmarks;

/// <summary>
/// <c>optimizers</c>: the held-out loss of one network under each optimizer, by time, for the same time.
/// </summary>
/// <remarks>
/// All runs start from the same weights and see the same images in the same order, with a constant learning rate after a short warm-up.
/// The loss is that of the weights to use: the averaged ones, or those that the optimizer averages. Measuring it is part of the time.
/// </remarks>
internal static class OptimizersCommand
{
    private const int BatchSize = 64;
    private const int WarmupSteps = 50;
    private const double HoldOutFraction = 0.008;
    private const double Average = 0.1;
    private const long Endless = 10_000_000;

    public static Command Create()
    {
        Option<double> seconds = new("--seconds") { Description = "The time of each run.", DefaultValueFactory = _ => 300 };
        Option<int> every = new("--every") { Description = "The steps between two measurements.", DefaultValueFactory = _ => 50 };
        Option<string[]> only = new("--only")
        {
            Description = "The optimizers, such as muon or muon=2e-3 with a learning rate; default all.",
            AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [],
        };
        Option<string?> picture = new("--picture") { Description = "The plot to write; default none." };
        Option<string> device = DeviceOption.Create();
        Command command = new("optimizers", "The held-out loss on MNIST under each optimizer, by time.")
        {
            seconds, every, only, picture, device,
        };
        command.SetAction(arguments => Run(
            OptimizerRun.Of(arguments.GetValue(only)!), TimeSpan.FromSeconds(arguments.GetValue(seconds)), arguments.GetValue(every),
            arguments.GetValue(picture), ComputeDevice.Parse(arguments.GetValue(device)!)));
        return command;
    }

    private static int Run(IReadOnlyList<OptimizerRun> runs, TimeSpan time, int every, string? picture, ComputeDevice device)
    {
        string? folder = Environment.GetEnvironmentVariable("DIFFUSION_DATA") is { } data ? Path.Combine(data, "mnist") : null;
        if (!Directory.Exists(folder))
        {
            Console.WriteLine("SKIPPED: DIFFUSION_DATA is not set to a folder with mnist.");
            return 0;
        }

        device.Activate();
        using IImageSource images = IdxImages.OpenFolder(folder);
        List<Curve> curves = [];
        Console.WriteLine("| optimizer | learning rate | steps | ms per step | held-out loss | state, bytes per parameter |");
        Console.WriteLine("| --- | ---: | ---: | ---: | ---: | ---: |");
        foreach (OptimizerRun run in runs)
        {
            Curve curve = Train(run, images, time, every, device);
            curves.Add(curve);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {run.Name} | {run.Rate:0.##e-0} | {curve.Steps} | {1000 * curve.Points[^1].Seconds / curve.Steps:F1} | "
                    + $"{curve.Points[^1].Loss:F5} | {run.Factory.StateBytesPerParameter:0.##} |"));
        }

        foreach (Curve curve in curves.Skip(1))
        {
            double wanted = curves[0].Points[^1].Loss;
            (double seconds, double loss) = curve.Points.FirstOrDefault(point => point.Loss <= wanted);
            Console.WriteLine(loss == 0
                ? $"{curve.Name} does not reach the last loss of {curves[0].Name}."
                : string.Create(
                    CultureInfo.InvariantCulture, $"{curve.Name} reaches the last loss of {curves[0].Name} after {seconds:F0} s."));
        }

        if (picture is not null)
        {
            PlotFile.Save(picture, plot => Draw(plot, curves));
            Console.WriteLine($"Wrote {picture}.");
        }

        return 0;
    }

    private static Curve Train(OptimizerRun run, IImageSource images, TimeSpan time, int every, ComputeDevice device)
    {
        using UNet2D network = new(
            new UNet2DOptions
            {
                SampleSize = images.Shape.Height, InChannels = 1, OutChannels = 1, BlockOutChannels = [32, 64], LayersPerBlock = 1,
                DownBlockTypes = [DownBlockType.DownBlock2D, DownBlockType.AttnDownBlock2D],
                UpBlockTypes = [UpBlockType.AttnUpBlock2D, UpBlockType.UpBlock2D],
                AttentionHeadDim = 16, NormNumGroups = 8,
            },
            seed: 0);
        List<(double Seconds, double Loss)> points = [];
        long steps = 0;
        using CancellationTokenSource stop = new();
        TrainerBuilder builder = Trainer.For(network)
            .UseDevice(device)
            .UseData(images)
            .UsePrediction(PredictionType.Velocity)
            .UseOptimizer(run.Factory)
            .UseLearningRate(LearningRate.Constant(run.Rate).WithWarmup(WarmupSteps))
            .Configure(o =>
            {
                (o.Steps, o.BatchSize, o.HoldOutFraction) = (Endless, BatchSize, HoldOutFraction);
                (o.HoldOutEverySteps, o.ReportEverySteps) = (every, every);
            })
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
            });
        if (!run.Factory.AveragesWeights)
        {
            builder.UseEma(EmaLaw.PowerFunction(Average));
        }

        using Trainer trainer = builder.Build();
        trainer.Run(stop.Token);
        return new Curve(run.Name, steps, points);
    }

    private static void Draw(Plot plot, IReadOnlyList<Curve> curves)
    {
        plot.Title("Held-out loss by time");
        plot.XLabel("seconds");
        plot.YLabel("held-out loss");
        double[] losses = [.. curves.SelectMany(curve => curve.Points).Select(point => point.Loss).Where(double.IsFinite)];
        (double lowest, double highest) = (losses.Min() / 1.05, losses.Min() * 4);
        PlotStyle.SetLogarithmic(plot.Axes.Left, lowest, highest, PlotStyle.LossText);
        IPalette palette = new ScottPlot.Palettes.Category10();
        for (int i = 0; i < curves.Count; i++)
        {
            PlotStyle.AddCurve(
                plot, curves[i].Points.Select(point => (point.Seconds, Math.Clamp(point.Loss, lowest, highest))),
                palette.GetColor(i), curves[i].Name, 2);
        }

        plot.ShowLegend(Alignment.UpperRight);
    }

    private sealed record Curve(string Name, long Steps, IReadOnlyList<(double Seconds, double Loss)> Points);
}
