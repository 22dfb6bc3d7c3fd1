using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Diffusion.Reporting;
using ScottPlot;
using PlotStyle = Diffusion.Reporting.PlotStyle;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Benchmarks;

/// <summary>
/// <c>growth</c>: how the time of a training step grows with the number of images, their pixels and the channels of the network, as the
/// exponent of a power law.
/// </summary>
internal static class GrowthCommand
{
    private const int Size = 32;
    private const int Batch = 8;

    private static readonly UNet2DOptions Network = UNet2DOptions.ForImages(Size, 3, UNet2DSize.Small);

    // What grows, its values, and a step with a value: network, images, height and width.
    private static readonly (string Name, int[] Values, Func<int, (UNet2DOptions Network, int Batch, int Size)> Step)[] Series =
    [
        ("images per step", [1, 2, 4, 8, 16, 32], value => (Network, value, Size)),
        ("pixels per image", [16, 24, 32, 48, 64], value => (Network with { SampleSize = null }, Batch, value)),
        ("channels", [32, 64, 96, 128], value => (WithChannels(value), Batch, Size)),
    ];

    private sealed record Curve(string Name, IReadOnlyList<(double Factor, double Seconds)> Points)
    {
        /// <summary>The slope of the line through the logarithms, by least squares.</summary>
        public double Exponent
        {
            get
            {
                (double X, double Y)[] logs = [.. Points.Select(point => (Math.Log(point.Factor), Math.Log(point.Seconds)))];
                double x = logs.Average(log => log.X);
                double y = logs.Average(log => log.Y);
                return logs.Sum(log => (log.X - x) * (log.Y - y)) / logs.Sum(log => (log.X - x) * (log.X - x));
            }
        }

        /// <summary>The slope between the last two points.</summary>
        public double LastExponent =>
            Math.Log(Points[^1].Seconds / Points[^2].Seconds) / Math.Log(Points[^1].Factor / Points[^2].Factor);
    }

    public static Command Create()
    {
        Option<int> steps = new("--steps") { Description = "Timed steps of each size.", DefaultValueFactory = _ => 7 };
        Option<string> picture = new("--picture") { Description = "The plot to write.",
            DefaultValueFactory = _ => "docs/images/growth.png" };
        Command command = new("growth", "How the time of a training step grows with images, pixels and channels.") { steps, picture };
        command.SetAction(arguments => Run(arguments.GetValue(steps), arguments.GetValue(picture)!));
        return command;
    }

    private static int Run(int steps, string picture)
    {
        ComputeDevice device = ComputeDevice.Cpu();
        device.Activate();
        Console.WriteLine($"{device}, {device.CpuThreads} threads; milliseconds of a training step");
        IReadOnlyList<IReadOnlyList<double>> seconds = Seconds(steps);
        List<Curve> curves = [];
        for (int i = 0; i < Series.Length; i++)
        {
            (string name, int[] values, _) = Series[i];
            bool isSide = name == "pixels per image";
            Curve curve = new(name, [.. values.Select(value => Math.Pow((double)value / values[0], isSide ? 2 : 1)).Zip(seconds[i])]);
            curves.Add(curve);
            Console.WriteLine($"| {name} | {string.Join(" | ", values.Select(value => isSide ? $"{value} x {value}" : $"{value}"))} |");
            Console.WriteLine($"| ms | {string.Join(" | ", curve.Points.Select(point => Text(point.Seconds * 1e3, "F0")))} |");
            Console.WriteLine($"exponent {Text(curve.Exponent, "F2")}, between the last two {Text(curve.LastExponent, "F2")}");
        }

        PlotFile.Save(picture, plot => Draw(plot, curves));
        Console.WriteLine($"Wrote {picture}.");
        return 0;
    }

    private static UNet2DOptions WithChannels(int first) => Network with
    {
        BlockOutChannels = [.. Network.BlockOutChannels.Select(channels => channels * first / Network.BlockOutChannels[0])],
    };

    // The median for each value of each series. All take turns, so that a machine that slows down changes all alike.
    private static IReadOnlyList<IReadOnlyList<double>> Seconds(int steps)
    {
        using DisposeScope scope = NewDisposeScope();
        (LibraryStep Library, Tensor Images, List<double> Seconds)[][] all = [.. Series.Select(series => series.Values.Select(value =>
        {
            (UNet2DOptions network, int batch, int size) = series.Step(value);
            return (new LibraryStep(network), rand([batch, 3, size, size]).mul_(2).sub_(1), new List<double>());
        }).ToArray())];
        for (int i = -2; i < steps; i++)
        {
            foreach ((LibraryStep library, Tensor images, List<double> seconds) in all.SelectMany(series => series))
            {
                long began = Stopwatch.GetTimestamp();
                library.Run(images);
                if (i >= 0)
                {
                    seconds.Add(Stopwatch.GetElapsedTime(began).TotalSeconds);
                }
            }
        }

        foreach ((LibraryStep library, _, _) in all.SelectMany(series => series))
        {
            library.Dispose();
        }

        return [.. all.Select(series => series.Select(one => Median.Of(one.Seconds)).ToArray())];
    }

    private static void Draw(Plot plot, IReadOnlyList<Curve> curves)
    {
        plot.Title("Time of a training step");
        plot.XLabel("times as many");
        plot.YLabel("times as long");
        PlotStyle.SetLogarithmic(plot.Axes.Bottom, 1, curves.Max(curve => curve.Points[^1].Factor), PlotStyle.StepText);
        PlotStyle.SetLogarithmic(
            plot.Axes.Left, 1, curves.Max(curve => curve.Points[^1].Seconds / curve.Points[0].Seconds), PlotStyle.StepText);
        IPalette palette = new ScottPlot.Palettes.Category10();
        for (int i = 0; i < curves.Count; i++)
        {
            Curve curve = curves[i];
            IEnumerable<(double X, double Y)> points = curve.Points
                .Select(point => (Math.Log10(point.Factor), point.Seconds / curve.Points[0].Seconds));
            PlotStyle.AddCurve(plot, points, palette.GetColor(i), $"{curve.Name}, exponent {Text(curve.Exponent, "F2")}", 2).MarkerSize = 6;
        }

        plot.ShowLegend(Alignment.UpperLeft);
    }

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
