using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Benchmarks;

/// <summary>
/// <c>step</c>: the time of a training step, divided by the least time that its arithmetic needs: the operations of its convolutions and
/// matrix products at the rate of the fastest bare convolution.
/// </summary>
internal static class StepCommand
{
    private sealed record Case(string Name, UNet2DOptions Network, int Batch, Precision Precision, double Bar);

    public static Command Create()
    {
        Option<int> steps = new("--steps") { Description = "Steps of each network.", DefaultValueFactory = _ => 20 };
        Option<Precision[]> precisions = new("--precisions") { Description = "float32, bfloat16, or both.",
            AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [Precision.Float32, Precision.BFloat16] };
        Option<bool> small = new("--small") { Description = "Only the network of 6.8 M parameters." };
        Command command = new("step", "The time of a training step, compared with what its arithmetic needs at least; on a CPU.")
        {
            steps, precisions, small,
        };
        command.SetAction(arguments => Run(
            arguments.GetValue(steps), [.. arguments.GetValue(precisions)!.Where(precision => precision != Precision.Best)],
            arguments.GetValue(small)));
        return command;
    }

    private static int Run(int steps, Precision[] precisions, bool onlySmall)
    {
        ComputeDevice device = ComputeDevice.Cpu();
        device.Activate();
        Case[] cases =
        [
            .. precisions.SelectMany(precision => (Case[])
            [
                new("6.8 M", UNet2DOptions.ForImages(32, 3, UNet2DSize.Medium), 16, precision, precision == Precision.Float32
                    ? 1.4
                    : 1.75),
                new("35.7 M", RanksCommand.Ddpm, 8, precision, precision == Precision.Float32 ? 1.15 : 1.4),
            ]).Where(one => !onlySmall || one.Network != RanksCommand.Ddpm),
        ];
        Dictionary<Precision, double> rates = precisions.Distinct().ToDictionary(
            precision => precision, precision => BareConvolution.BestRate(PrecisionTypes.TypeOf(precision)));
        foreach ((Precision precision, double rate) in rates)
        {
            Console.WriteLine(Text($"{precision}: the fastest bare convolution runs at {rate / 1e9:F0} GFLOP/s"));
        }

        Console.WriteLine($"{device}, {device.CpuThreads} threads");
        Console.WriteLine("| network | batch | precision | GFLOP | forward + backward, ms | step, ms | images/s | floors | bar "
            + "| step / (forward + backward) |");
        Console.WriteLine("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        int reached = 0;
        foreach (Case one in cases)
        {
            (double work, double network, double step) = Measure(one, steps);
            double floors = step / (work / rates[one.Precision]);
            reached += floors <= one.Bar ? 1 : 0;
            Console.WriteLine(Text($"| {one.Name} | {one.Batch} | {one.Precision} | {work / 1e9:F0} | {network * 1e3:F0} ")
                + Text($"| {step * 1e3:F0} | {one.Batch / step:F1} | {floors:F2} | {one.Bar} | {step / network:F3} |"));
        }

        return Verdict.Print($"{reached} of {cases.Length} within their number of floors", "all within", reached == cases.Length);
    }

    // The operations, and the median seconds of forward and backward and of a whole step.
    private static (double Work, double Network, double Step) Measure(Case one, int steps)
    {
        using LibraryStep library = new(one.Network, one.Precision);
        UNet2D network = library.Network;
        using Tensor images = rand([one.Batch, one.Network.InChannels, 32, 32]).mul_(2).sub_(1);
        using Tensor labels = zeros([one.Batch], ScalarType.Int64);
        using Tensor rounded = images.to(PrecisionTypes.TypeOf(one.Precision), copy: true);
        using Tensor gradient = ones_like(rounded).div_(rounded.numel());
        double work = StepWork.Of(network, rounded);
        double[] bare = new double[steps];
        double[] whole = new double[steps];
        for (int i = -3; i < steps; i++)
        {
            using DisposeScope scope = NewDisposeScope();
            long began = Stopwatch.GetTimestamp();
            network.Predict(rounded, labels, Conditioning.None).backward([gradient]);
            double ofNetwork = Stopwatch.GetElapsedTime(began).TotalSeconds;
            library.Gradients.zero_();

            began = Stopwatch.GetTimestamp();
            library.Run(images);
            if (i >= 0)
            {
                bare[i] = ofNetwork;
                whole[i] = Stopwatch.GetElapsedTime(began).TotalSeconds;
            }
        }

        return (work, Median.Of(bare), Median.Of(whole));
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
