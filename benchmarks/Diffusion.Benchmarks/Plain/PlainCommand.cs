using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Benchmarks;

/// <summary>
/// <c>plain</c>: the time of a training step as a user of TorchSharp alone writes it, divided by that of this library. Both take turns.
/// </summary>
internal static class PlainCommand
{
    private const int Size = 32;

    private sealed record Case(string Name, UNet2DOptions Network, int Batch, Func<PlainUNet> CreatePlain);

    private static readonly Case[] Cases =
    [
        new("6.8 M", UNet2DOptions.ForImages(Size, 3, UNet2DSize.Medium), 16, () => new([64, 128, 128], [false, true, true], 32)),
        new("35.7 M", RanksCommand.Ddpm, 8, () => new([128, 256, 256, 256], [false, true, false, false], null)),
    ];

    public static Command Create()
    {
        Option<int> pairs = new("--pairs") { Description = "Steps of each.", DefaultValueFactory = _ => 20 };
        Option<bool> small = new("--small") { Description = "Only the network of 6.8 M parameters." };
        Command command = new("plain", "The time of a training step in TorchSharp alone, divided by that of this library; on a CPU.")
        {
            pairs, small,
        };
        command.SetAction(arguments => Run(arguments.GetValue(pairs), arguments.GetValue(small)));
        return command;
    }

    private static int Run(int pairs, bool onlySmall)
    {
        ComputeDevice device = ComputeDevice.Cpu();
        device.Activate();
        Console.WriteLine($"{device}, {device.CpuThreads} threads");
        Console.WriteLine("| network | parameters, plain and here | batch | TorchSharp alone, ms | this library, ms | ratio |");
        Console.WriteLine("| --- | --- | --: | --: | --: | --- |");
        bool isAhead = true;
        foreach (Case one in onlySmall ? Cases[..1] : Cases)
        {
            using PlainUNet network = one.CreatePlain();
            using PlainStep plain = new(network);
            using LibraryStep library = new(one.Network);
            using Tensor images = rand([one.Batch, 3, Size, Size]).mul_(2).sub_(1);
            List<double> plainSeconds = [];
            List<double> librarySeconds = [];
            for (int pair = -3; pair < pairs; pair++)
            {
                bool isReversed = pair % 2 == 0; // what comes first is not always the same
                double second = isReversed ? Seconds(() => library.Run(images)) : 0;
                double first = Seconds(() => plain.Run(images));
                second = isReversed ? second : Seconds(() => library.Run(images));
                if (pair >= 0)
                {
                    plainSeconds.Add(first);
                    librarySeconds.Add(second);
                }
            }

            PairedRatios ratios = PairedRatios.Of(plainSeconds.Zip(librarySeconds, (a, b) => a / b));
            isAhead &= ratios.Median > 1;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {one.Name} | {plain.Parameters:N0}, {library.Network.parameters().Sum(p => p.numel()):N0} | {one.Batch} ")
                + string.Create(CultureInfo.InvariantCulture,
                $"| {Median.Of(plainSeconds) * 1e3:F0} | {Median.Of(librarySeconds) * 1e3:F0} | {ratios} |"));
        }

        return Verdict.Print("ratio: TorchSharp alone / this library, above 1 if this library is ahead", "above 1 in all", isAhead);
    }

    private static double Seconds(Action step)
    {
        long began = Stopwatch.GetTimestamp();
        step();
        return Stopwatch.GetElapsedTime(began).TotalSeconds;
    }
}
