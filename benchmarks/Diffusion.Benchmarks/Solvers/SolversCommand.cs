using System.CommandLine;
using System.Globalization;
using Diffusion.Reporting;
using Diffusion.Sampling;
using Diffusion.TestKit;
using ScottPlot;
using PlotStyle = Diffusion.Reporting.PlotStyle;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Benchmarks;

/// <summary>
/// <c>solvers</c>: the error of every deterministic sampler by the number of its network calls, from noise to clean images, against the
/// exact flow of a mixture of normal distributions; and the error of images that were inverted and sampled again.
/// </summary>
internal static class SolversCommand
{
    private const double CleanHalfLogSnr = 16; // sigma / alpha is 1e-7
    private const double MinError = 1e-7; // images are float32
    private const double MaxError = 1;
    private static readonly int[] Calls = [8, 12, 20, 40, 80, 160];
    private static readonly int[] InversionSteps = [10, 20, 50, 100, 200, 500];

    private static readonly SampleRequest Request = new() { Count = 1, Seed = 1, Shape = ImageShape.Square(12, 1) };
    private static readonly Lazy<double[]> Exact = new(ExactImages);

    private static readonly (string Name, StepSampler Sampler)[] Samplers =
    [
        ("Ddim, Euler", new DdimSampler()),
        ("Heun", new HeunSampler()),
        ("Dpm2", new Dpm2Sampler()),
        ("Lms 4", new LmsSampler()),
        ("Pndm", new PndmSampler { Warmup = PndmWarmup.ImprovedEuler }),
        ("DpmSolver 2", new DpmSolver()),
        ("DpmSolver 3, exact", new DpmSolver { Order = 3, ExactWeights = true }),
        ("DpmSolver2S", new DpmSolver2S()),
        ("Singlestep 3", new DpmSolverSinglestep { Order = 3 }),
        ("UniPc 2", new UniPcSampler()),
        ("UniPc 3", new UniPcSampler { Order = 3 }),
        ("Deis 3", new DeisSampler { Order = 3 }),
        ("SaSolver 3/4", new SaSolver { Predictor = 3, Corrector = 4, Tau = _ => 0 }),
    ];

    private sealed record Curve(string Name, IReadOnlyList<(int Calls, double Error)> Points);

    public static Command Create()
    {
        Option<string> picture = new("--picture") { Description = "The plot to write.",
            DefaultValueFactory = _ => "docs/images/solvers.png" };
        Command command = new("solvers", "The error of every deterministic sampler by the number of its network calls.") { picture };
        command.SetAction(arguments => Run(arguments.GetValue(picture)!));
        return command;
    }

    private static int Run(string picture)
    {
        ComputeDevice.Cpu().Activate();
        Curve[] curves = [.. Samplers.Select(pair => new Curve(pair.Name, [.. Calls.Select(calls => Measure(pair.Sampler, calls))]))];
        Console.WriteLine($"| calls | {string.Join(" | ", Calls)} |");
        Console.WriteLine($"| --- | {string.Join(" | ", Calls.Select(_ => "---:"))} |");
        foreach (Curve curve in curves)
        {
            Console.WriteLine($"| {curve.Name} | {string.Join(" | ", curve.Points.Select(point => Text(point.Error)))} |");
        }

        Console.WriteLine($"| steps of inversion | {string.Join(" | ", InversionSteps)} |");
        Console.WriteLine($"| error | {string.Join(" | ", InversionSteps.Select(steps => Text(InversionError(steps))))} |");
        PlotFile.Save(picture, plot => Draw(plot, curves));
        Console.WriteLine($"Wrote {picture}.");
        return 0;
    }

    private static string Text(double error) => error.ToString("0.0e-0", CultureInfo.InvariantCulture);

    // As many steps as the calls allow: the number of calls is counted, and the steps are those that come nearest from below.
    private static (int Calls, double Error) Measure(StepSampler sampler, int calls)
    {
        int steps = calls;
        (int Calls, double Error) sampled = Sample(sampler, steps);
        while (steps > 1 && sampled.Calls > calls)
        {
            steps = Math.Min(steps - 1, steps * calls / sampled.Calls);
            sampled = Sample(sampler, steps);
        }

        return sampled;
    }

    private static (int Calls, double Error) Sample(StepSampler sampler, int steps)
    {
        EdmSchedule schedule = new();
        using MixtureDenoiser denoiser = new(schedule);
        using DisposeScope scope = NewDisposeScope();
        Tensor images = (sampler with { Steps = steps, Grid = new KarrasGrid(), Clipping = SampleClipping.None }).Sample(denoiser, Request);
        double error = Math.Sqrt(images.data<float>().Zip(Exact.Value, (pixel, wanted) => (pixel - wanted) * (pixel - wanted)).Average());
        return (denoiser.Calls, error);
    }

    private static double[] ExactImages()
    {
        using Tensor start = NormalNoise.Draw(new SeedStream(Request.Seed), RandomPurpose.InitialNoise, [0], Request.Shape!.Value);
        double[] pixels = [.. start.data<float>().Select(pixel => pixel * EdmSchedule.DefaultMaxSigma)];
        return ExactFlow.Move(pixels, -Math.Log(EdmSchedule.DefaultMaxSigma), CleanHalfLogSnr);
    }

    // From images to noise and back, in as many steps each way.
    private static double InversionError(int steps)
    {
        using MixtureDenoiser denoiser = new(NoiseSchedule.ScaledLinear());
        using DisposeScope scope = NewDisposeScope();
        Tensor images = linspace(-1, 1, 64).view(1, 1, 8, 8);
        TimestepGrid grid = new();
        SampleRequest request = new() { Count = 1, Shape = ImageShape.Square(8, 1) };
        Tensor noise = new DdimInversionSampler { Steps = steps, Grid = new ReversedGrid(grid), Clipping = SampleClipping.None }
            .Sample(denoiser, request with { StartImages = images });
        Tensor again = new DdimSampler { Steps = steps, Grid = grid, Clipping = SampleClipping.None }
            .Sample(denoiser, request with { StartNoise = noise });
        return (again - images).square().mean().sqrt().item<float>();
    }

    private static void Draw(Plot plot, IReadOnlyList<Curve> curves)
    {
        plot.Title("Error of the images by network calls");
        plot.XLabel("calls of the network");
        plot.YLabel("error, root mean square");
        PlotStyle.SetLogarithmic(plot.Axes.Left, MinError, MaxError, PlotStyle.LossText);
        PlotStyle.SetLogarithmic(plot.Axes.Bottom, Calls[0], Calls[^1], PlotStyle.StepText);
        IPalette palette = new ScottPlot.Palettes.Category20();
        for (int i = 0; i < curves.Count; i++)
        {
            IEnumerable<(double X, double Error)> points = curves[i].Points
                .Select(point => (Math.Log10(point.Calls), Math.Clamp(point.Error, MinError, MaxError)));
            PlotStyle.AddCurve(plot, points, palette.GetColor(i), curves[i].Name, 2).MarkerSize = 6;
        }

        plot.ShowLegend(Alignment.LowerLeft);
    }
}
