using System.CommandLine;
using System.Globalization;
using Diffusion.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Benchmarks;

/// <summary>
/// <c>all-reduce</c>: the bandwidth of sums between processes on a CPU by size, compared with what benchmarks/mpi/allreduce.c measures.
/// </summary>
internal static class AllReduceCommand
{
    private const double Bar = 0.9;

    public static Command Create()
    {
        Option<long[]> bytes = new("--bytes")
        {
            Description = "The sizes to measure, in bytes.", AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => [1_000_000, 8_000_000, 25_000_000, 142_000_000],
        };
        Option<string?> reference = new("--reference")
        {
            Description = "What the C program printed for these sizes: lines of bytes and seconds.",
        };
        Command command = new("all-reduce", "The bandwidth of sums between processes, compared with the engine's own.")
        {
            bytes, reference,
        };
        command.SetAction(arguments => Run(arguments.GetValue(bytes)!, arguments.GetValue(reference)));
        return command;
    }

    private static int Run(IReadOnlyList<long> sizes, string? reference)
    {
        Dictionary<long, double> own = reference is null ? [] : File.ReadLines(reference).Select(line => line.Split(' '))
            .ToDictionary(parts => Invariant(parts[0], long.Parse), parts => Invariant(parts[1], double.Parse));
        ComputeDevice device = ComputeDevice.Cpu();
        device.Activate();
        using IProcessGroup group = ProcessGroups.Create(device);
        Print($"{group.Engine}, {group.WorldSize} processes");
        Print("| bytes | ms | GB/s | in C, ms | bandwidth / that in C |");
        Print("| --: | --: | --: | --: | --: |");
        double least = double.PositiveInfinity;
        foreach (long size in sizes)
        {
            using Tensor values = zeros(size / sizeof(float));
            double seconds = CollectiveTime.Seconds(group, () => group.AllReduce(values));
            double? inC = own.TryGetValue(size, out double found) ? found : null;
            least = Math.Min(least, inC / seconds ?? double.PositiveInfinity);
            Print(Text($"| {size:N0} | {seconds * 1e3:F3} | {size / seconds / 1e9:F2} | {inC * 1e3:F3} | {inC / seconds:F2} |"));
        }

        return group.Rank > 0 || double.IsPositiveInfinity(least)
            ? 0
            : Verdict.Print(Text($"the least is {least:F2}"), Text($"at least {Bar} of the bandwidth in C"), least >= Bar);

        void Print(string line)
        {
            if (group.Rank == 0)
            {
                Console.WriteLine(line);
            }
        }
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static T Invariant<T>(string text, Func<string, IFormatProvider, T> parse) => parse(text, CultureInfo.InvariantCulture);
}
