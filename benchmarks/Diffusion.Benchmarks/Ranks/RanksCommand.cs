using System.CommandLine;
using System.Diagnostics;
using Diffusion.Data;
using Diffusion.Training;

namespace Diffusion.Benchmarks;

/// <summary>
/// <c>ranks</c>: what it costs to train with several processes. In one process, blocks of steps of a trainer with
/// <c>UseDistributed</c> take turns with blocks of one without it. Started by <c>mpirun</c>, steps with and without communication take
/// turns.
/// </summary>
internal static class RanksCommand
{
    private const double AloneBar = 1.01;
    private const double SharedBar = 1.015;
    private const int StepsPerBlock = 2;
    private const int WarmUp = 3;
    private const int Reductions = 20;

    // The network of Ho et al. 2020 for CIFAR-10: 35.7 M parameters.
    internal static readonly UNet2DOptions Ddpm = new()
    {
        BlockOutChannels = [128, 256, 256, 256],
        LayersPerBlock = 2,
        DownBlockTypes = [DownBlockType.DownBlock2D, DownBlockType.AttnDownBlock2D, DownBlockType.DownBlock2D, DownBlockType.DownBlock2D],
        UpBlockTypes = [UpBlockType.UpBlock2D, UpBlockType.UpBlock2D, UpBlockType.AttnUpBlock2D, UpBlockType.UpBlock2D],
        AttentionHeadDim = null,
    };

    public static Command Create()
    {
        Option<int> size = new("--size") { Description = "Height and width of the images in pixels.", DefaultValueFactory = _ => 32 };
        Option<int> batch = new("--batch") { Description = "Images per step and process.", DefaultValueFactory = _ => 16 };
        Option<int> pairs = new("--pairs") { Description = "Pairs of measurements.", DefaultValueFactory = _ => 200 };
        Option<bool> small = new("--small") { Description = "Uses a small network." };
        Option<int> threads = new("--threads") { Description = "CPU threads of a process.", DefaultValueFactory = _ => 1 };
        Option<string> on = new("--device")
        {
            Description = "cpu, or cuda for the GPU of this process.", DefaultValueFactory = _ => "cpu",
        };
        Command command = new("ranks", "The time of a training step with several processes, divided by its time without communication.")
        {
            size, batch, pairs, small, threads, on,
        };
        command.SetAction(arguments => Run(arguments.GetValue(size), arguments.GetValue(batch), arguments.GetValue(pairs),
            arguments.GetValue(small),
            Device(arguments.GetValue(on)!).WithCpuThreads(arguments.GetValue(threads))));
        return command;
    }

    private static ComputeDevice Device(string name) =>
        name == "cuda" ? RankDevice.Best(ProcessPlace.Read()) : ComputeDevice.Parse(name);

    private static int Run(int size, int batch, int pairs, bool small, ComputeDevice device)
    {
        using IProcessGroup group = ProcessGroups.Create(device);
        ImageShape shape = ImageShape.Square(size, 3);
        UNet2DOptions network = small ? UNet2DOptions.ForImages(size, 3, UNet2DSize.Small) : Ddpm;
        device.Activate();
        using NoisyImages images = new(shape, classes: null);
        return group.WorldSize == 1
            ? Alone(group, network, images, device, batch, pairs)
            : Shared(group, network, images, device, batch, pairs);
    }

    private static int Alone(IProcessGroup group, UNet2DOptions network, NoisyImages images, ComputeDevice device, int batch, int pairs)
    {
        using UNet2D first = new(network);
        using UNet2D second = new(network);
        CancellationTokenSource endOfBlock = new();
        using Trainer without = Builder(first).Build();
        using Trainer with = Builder(second).UseDistributed(group).Build();
        List<double> ratios = [];
        for (int pair = -1; pair < pairs; pair++)
        {
            bool isReversed = pair % 2 == 0; // what comes first is not always the same
            double one = Seconds(isReversed ? with : without);
            double other = Seconds(isReversed ? without : with);
            if (pair >= 0)
            {
                ratios.Add(isReversed ? one / other : other / one);
            }
        }

        endOfBlock.Dispose();
        PairedRatios ratio = PairedRatios.Of(ratios);
        return Verdict.Print(
            $"{pairs} pairs of {StepsPerBlock} steps of {batch} images in one process",
            $"UseDistributed with one process takes {ratio} times the time; target: at most {AloneBar}", ratio.Median <= AloneBar);

        TrainerBuilder Builder(UNet2D model) => Trainer.For(model).UseDevice(device).UseData(images)
            .ReportTo(_ => endOfBlock.Cancel())
            .Configure(o => (o.BatchSize, o.ReportEverySteps) = (batch, StepsPerBlock));

        double Seconds(Trainer trainer)
        {
            endOfBlock.Dispose();
            endOfBlock = new CancellationTokenSource();
            long began = Stopwatch.GetTimestamp();
            trainer.Run(endOfBlock.Token);
            return Stopwatch.GetElapsedTime(began).TotalSeconds;
        }
    }

    private static int Shared(IProcessGroup group, UNet2DOptions network, NoisyImages images, ComputeDevice device, int batch, int pairs)
    {
        using UNet2D model = new(network);
        using SharedSteps steps = new(group, model, images, device.Activate(), batch);
        for (int i = 0; i < WarmUp; i++)
        {
            steps.Seconds(communicates: true);
        }

        List<double> ratios = [];
        List<double> times = [];
        for (int pair = 0; pair < pairs; pair++)
        {
            bool isReversed = pair % 2 == 0;
            double one = steps.Seconds(isReversed);
            double other = steps.Seconds(!isReversed);
            ratios.Add(isReversed ? one / other : other / one);
            times.Add(isReversed ? other : one);
        }

        (int buckets, int overlapped) = steps.Overlap;
        double reduction = Median.Of([.. Enumerable.Range(0, Reductions).Select(_ => steps.SecondsOfReduction())]);
        if (group.Rank > 0)
        {
            return 0;
        }

        PairedRatios ratio = PairedRatios.Of(ratios);
        double longer = (ratio.Median - 1) * Median.Of(times);
        return Verdict.Print(
            $"{group.Engine}, {group.WorldSize} processes; {steps.ParameterCount / 1e6:F1} M parameters; {pairs} pairs of steps of {batch} "
                + $"images per process; {Median.Of(times) * 1000:F0} ms without communication; {overlapped} of "
                + $"{buckets} buckets start during the backward pass; reducing all of them takes {reduction * 1000:F0} ms alone, "
                + $"and makes a step {longer * 1000:F0} ms longer",
            $"a step takes {ratio} times the time of one without communication; target: at most {SharedBar}", ratio.Median <= SharedBar);
    }
}
