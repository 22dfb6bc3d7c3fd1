using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Diffusion.Training;

namespace Diffusion.Benchmarks;

/// <summary><c>checkpointing</c>: how much longer a training step takes with gradient checkpointing.</summary>
/// <remarks>
/// Blocks of steps of one trainer, with and without checkpointing, take turns, so that both run under the same conditions.
/// </remarks>
internal static class CheckpointingCommand
{
    private const double Bar = 1.5;
    private const int StepsPerBlock = 2;

    public static Command Create()
    {
        Option<int> size = new("--size") { Description = "Height and width of the images in pixels.", DefaultValueFactory = _ => 32 };
        Option<int> batch = new("--batch") { Description = "Images per step.", DefaultValueFactory = _ => 16 };
        Option<int> blocks = new("--blocks") { Description = $"Blocks of {StepsPerBlock} steps, of each kind.",
            DefaultValueFactory = _ => 10 };
        Command command = new("checkpointing",
            "The time of a training step with gradient checkpointing divided by the time without it.") { size, batch,
            blocks };
        command.SetAction(arguments => Run(arguments.GetValue(size), arguments.GetValue(batch), arguments.GetValue(blocks)));
        return command;
    }

    private static int Run(int size, int batch, int blocks)
    {
        ImageShape shape = ImageShape.Square(size);
        using NoisyImages images = new(shape, classes: null);
        using UNet2D network = new(UNet2DOptions.ForImages(size, 3, UNet2DSize.Medium));
        CancellationTokenSource endOfBlock = new();
        using Trainer trainer = Trainer.For(network)
            .UseDevice(ComputeDevice.Cpu())
            .UseData(images)
            .ReportTo(new EndOfBlock(() => endOfBlock.Cancel()))
            .Configure(options =>
            {
                options.BatchSize = batch;
                options.ReportEverySteps = StepsPerBlock;
            })
            .Build();
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{shape}, batch {batch}, {ComputeDevice.Cpu().CpuThreads} threads, "
                + $"{network.parameters().Sum(weights => weights.numel()):N0} parameters"));

        _ = Block(again: false);
        _ = Block(again: true);
        List<double> plain = [];
        List<double> checkpointed = [];
        List<double> ratios = [];
        for (int block = 0; block < blocks; block++)
        {
            plain.Add(Block(again: false));
            checkpointed.Add(Block(again: true));
            ratios.Add(checkpointed[^1] / plain[^1]);
        }

        endOfBlock.Dispose();
        ratios.Sort();
        double ratio = Median.Of(ratios);
        return Verdict.Print(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{Median.Of(plain):F0} ms per step without, {Median.Of(checkpointed):F0} ms with; {ratios[0]:F2} to {ratios[^1]:F2} "
                    + $"times in pairs of blocks"),
            string.Create(CultureInfo.InvariantCulture, $"{ratio:F2} times in the median pair; target: at most {Bar}"),
            ratio <= Bar);

        double Block(bool again)
        {
            network.GradientCheckpointing = again ? GradientCheckpointing.All : GradientCheckpointing.None;
            endOfBlock.Dispose();
            endOfBlock = new CancellationTokenSource();
            long began = Stopwatch.GetTimestamp();
            trainer.Run(endOfBlock.Token);
            return Stopwatch.GetElapsedTime(began).TotalMilliseconds / StepsPerBlock;
        }
    }

    // Progress<T> would report later, from another thread.
    private sealed class EndOfBlock(Action end) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => end();
    }
}
