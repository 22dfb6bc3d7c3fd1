using System.CommandLine;
using System.Diagnostics;
using Diffusion.Data;
using Diffusion.Training;
using Quickstart;
using Samples;

namespace Diffusion.Benchmarks;

/// <summary><c>overhead</c>: the fraction of a training step spent outside forward and backward.</summary>
/// <remarks>
/// Blocks of steps of <see cref="Trainer.Run"/> take turns with blocks of the same steps that are built from public parts and timed part by
/// part, so that both run under the same conditions. The overhead is the time of the trainer outside forward and backward.
/// </remarks>
internal static class OverheadCommand
{
    private const double Bar = 0.05;
    private const double WatchingBar = 0.01;
    private const int StepsPerBlock = 2;
    private const int Images = 1000;

    public static Command Create()
    {
        Option<int> size = new("--size") { Description = "Height and width of the images in pixels.", DefaultValueFactory = _ => 32 };
        Option<int> batch = new("--batch") { Description = "Images per step.", DefaultValueFactory = _ => 16 };
        Option<int> blocks = new("--blocks") { Description = $"Blocks of {StepsPerBlock} steps, of each kind.",
            DefaultValueFactory = _ => 50 };
        Command command = new("overhead",
            "The fraction of a training step spent outside forward and backward, and on monitoring, at the quickstart's size.") { size,
                batch, blocks };
        command.SetAction(arguments => Run(arguments.GetValue(size), arguments.GetValue(batch), arguments.GetValue(blocks)));
        return command;
    }

    private static int Run(int size, int batch, int blocks)
    {
        ComputeDevice device = ComputeDevice.Cpu();
        using DrawnShapes images = DrawnShapes.Create(Images, size);
        using IDiffusionModel trained = SmallModel.Create(images.Shape, images.ClassCount, seed: 0);
        using IDiffusionModel timed = SmallModel.Create(images.Shape, images.ClassCount, seed: 0);

        using CancellationTokenSource warmUp = new();
        CancellationTokenSource endOfBlock = warmUp;
        using Trainer trainer = Trainer.For(trained)
            .UseDevice(device)
            .UseData(images)
            .UsePrediction(PredictionType.Velocity)
            .ReportTo(new EndOfBlock(() => endOfBlock.Cancel()))
            .Configure(o =>
            {
                o.BatchSize = batch;
                o.ReportEverySteps = StepsPerBlock;
            })
            .Build();
        using TimedSteps steps = new(timed, images, batch);
        Console.WriteLine($"{device}, {device.CpuThreads} threads; {images.Shape}, batch {batch}; {steps.ParameterCount:N0} parameters");

        trainer.Run(warmUp.Token);
        steps.Run(StepsPerBlock);
        steps.Clock.Reset();
        List<double> overheads = [];
        TimeSpan trainerTime = TimeSpan.Zero;
        for (int block = 0; block < blocks; block++)
        {
            using CancellationTokenSource end = new();
            endOfBlock = end;
            long began = Stopwatch.GetTimestamp();
            trainer.Run(end.Token);
            TimeSpan whole = Stopwatch.GetElapsedTime(began);

            TimeSpan network = steps.Run(StepsPerBlock);
            overheads.Add(1 - (network / whole));
            trainerTime += whole;
        }

        PrintTable(steps.Clock, trainerTime, blocks * StepsPerBlock);
        overheads.Sort();
        double overhead = overheads[overheads.Count / 2];
        double watching = steps.Clock[TimedSteps.Watching] / trainerTime;
        return Verdict.Print(
            $"Trainer.Run: {trainerTime.TotalMilliseconds / (blocks * StepsPerBlock):F1} ms per step; "
            + $"outside forward and backward {overheads[0]:P1} to {overheads[^1]:P1} of a block",
            $"{overhead:P1} in the median block; target: below {Bar:P0}; monitoring {watching:P2}; target: below {WatchingBar:P0}",
            overhead < Bar && watching < WatchingBar);
    }

    private static void PrintTable(PartsClock clock, TimeSpan trainer, int steps)
    {
        Console.WriteLine();
        Console.WriteLine("| part                              | ms per step | share of Trainer.Run |");
        Console.WriteLine("| --------------------------------- | ----------: | -------------------: |");
        foreach ((string name, TimeSpan time) in clock.Parts.Append(("the rest of Trainer.Run", trainer - clock.Total)))
        {
            Console.WriteLine($"| {name,-33} | {time.TotalMilliseconds / steps,11:F2} | {time / trainer,20:P2} |");
        }

        Console.WriteLine();
    }

    // Progress<T> would report later, from another thread.
    private sealed class EndOfBlock(Action end) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => end();
    }
}
