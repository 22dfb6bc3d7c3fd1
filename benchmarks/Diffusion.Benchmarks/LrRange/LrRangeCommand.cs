using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Diffusion.Data;
using Diffusion.Reporting;
using Diffusion.Training;

namespace Diffusion.Benchmarks;

/// <summary>
/// <c>lr-range</c>: whether the learning rate that the range finder suggests is close to the best of nine rates.
/// </summary>
/// <remarks>
/// The nine runs start from the same weights, see the same number of images and have a warm-up of 5%. They are compared by the held-out
/// loss of the raw weights with fixed noise.
/// </remarks>
internal static class LrRangeCommand
{
    private const double MaxFactor = 2;
    private const int Rates = 9;
    private const double LowestRate = 1e-5;
    private const double RatesPerDecade = 2;
    private const int BatchSize = 32;
    private const double HoldOutFraction = 0.1;

    public static Command Create()
    {
        Option<int?> only = new("--only") { Description = "Measures one case, 1 to 6; default all." };
        Option<int> steps = new("--steps") { Description = "The steps of each of the nine runs.", DefaultValueFactory = _ => 200 };
        Option<string?> plots = new("--plots") { Description = "The folder for a PNG and a CSV file of each sweep; default none." };
        Command command = new("lr-range",
            "Compares the suggested learning rate with the best of nine, in six cases.") { only, steps, plots };
        command.SetAction(arguments => Enumerable.Range(1, LrRangeCase.All.Count)
            .Where(number => (arguments.GetValue(only) ?? number) == number)
            .Max(number => Run(number, arguments.GetValue(steps), arguments.GetValue(plots))));
        return command;
    }

    private static int Run(int number, int steps, string? plots)
    {
        LrRangeCase one = LrRangeCase.All[number - 1];
        ComputeDevice device = ComputeDevice.Cpu();
        device.Activate();
        using IImageSource? images = one.Open();
        if (images is null)
        {
            Console.WriteLine($"SKIPPED: {one.Name}: DIFFUSION_DATA is not set to a folder with these images.");
            return 0;
        }

        Stopwatch clock = Stopwatch.StartNew();
        using UNet2D model = one.CreateModel();
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{number}. {one.Name}: {model.parameters().Sum(p => p.numel()):N0} parameters, {one.Prediction}; {images.Description}; batch "
                + $"{BatchSize}"));
        LrRange range = Sweep(one, model, images, device, new LrRangeOptions());
        Console.WriteLine(range.ToTable());
        double sweeping = clock.Elapsed.TotalSeconds;
        if (plots is not null)
        {
            range.SavePlot(Path.Combine(plots, $"lr-range-{number}.png"));
            File.WriteAllText(Path.Combine(plots, $"lr-range-{number}.csv"), range.ToCsv());
        }

        (double Rate, double Loss)[] runs = [.. Enumerable.Range(0, Rates).Select(i => LowestRate * Math.Pow(10, i / RatesPerDecade))
            .Select(rate => (rate, Train(one, images, device, rate, steps)))];
        double best = runs.MinBy(run => run.Loss).Rate;
        Console.WriteLine();
        return Verdict.Print(
            string.Create(CultureInfo.InvariantCulture,
                $"Sweeping: {sweeping:F0} s; all: {clock.Elapsed.TotalSeconds:F0} s. Best of nine: {best:0.0e-0}. {range.Advice}"),
            range.Suggestion.LearningRate is { } suggested
                ? string.Create(CultureInfo.InvariantCulture,
                    $"{one.Name}: {suggested:0.0e-0} is {suggested / best:F2} times the best rate; target: within a factor of {MaxFactor}")
                : $"{one.Name}: no suggestion",
            range.Suggestion.LearningRate is { } rate && rate / best is >= 1 / MaxFactor and <= MaxFactor);
    }

    private static LrRange Sweep(LrRangeCase one, UNet2D model, IImageSource images, ComputeDevice device, LrRangeOptions options) =>
        Prepare(one, model, images, device).BuildLrRangeFinder(options).Run();

    private static double Train(LrRangeCase one, IImageSource images, ComputeDevice device, double rate, int steps)
    {
        using UNet2D model = one.CreateModel();
        double loss = double.PositiveInfinity;
        using Trainer trainer = Prepare(one, model, images, device)
            .UseLearningRate(LearningRate.Constant(rate).WithWarmup(steps / 20))
            .Configure(o => (o.Steps, o.HoldOutEverySteps, o.ReportEverySteps) = (steps, steps, steps))
            .ReportTo(new Observer(progress => loss = progress.HeldOutLoss ?? double.NaN))
            .Build();
        string note = string.Empty;
        try
        {
            trainer.Run();
            loss = double.IsNaN(loss) ? double.PositiveInfinity : loss;
        }
        catch (TrainingDivergedException)
        {
            note = " diverged";
            loss = double.PositiveInfinity;
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{rate,8:0.0e-0} held-out loss {loss:F4}{note}"));
        return loss;
    }

    private static TrainerBuilder Prepare(LrRangeCase one, UNet2D model, IImageSource images, ComputeDevice device) => Trainer.For(model)
        .UseDevice(device)
        .UseData(images)
        .UsePrediction(one.Prediction)
        .UseOptimizer(one.Optimizer)
        .UseSchedule(one.Prediction == PredictionType.Edm ? new EdmSchedule() : NoiseSchedule.Cosine())
        .Configure(o =>
        {
            (o.BatchSize, o.Ema, o.HoldOutFraction) = (BatchSize, "none", HoldOutFraction);
            o.Objective = o.Objective with { Times = one.Prediction == PredictionType.Edm ? "log-normal" : o.Objective.Times };
        });

    private sealed class Observer(Action<TrainingProgress> report) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => report(value);
    }
}
