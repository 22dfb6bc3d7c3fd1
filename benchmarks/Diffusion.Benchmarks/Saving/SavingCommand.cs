using System.CommandLine;
using System.Globalization;
using Diffusion.Training;

namespace Diffusion.Benchmarks;

/// <summary>
/// <c>saving</c>: the cost of a checkpoint compared with plain files of the same size: saving, loading, the pause of training, and memory.
/// </summary>
internal static class SavingCommand
{
    private const double MaxSaving = 1.3;
    private const double MaxLoading = 1.3;
    private const double MaxPause = 1.5;
    private const double MaxMemory = 1.1;

    public static Command Create()
    {
        Option<int> mebibytes = new("--mebibytes") { Description = "The size of the state.", DefaultValueFactory = _ => 1024 };
        Option<int> rounds = new("--rounds") { Description = "The number of rounds; medians of ratios are compared.",
            DefaultValueFactory = _ => 7 };
        Option<string> folder = new("--folder") { Description = "The folder, on a disk with four times the size free.",
            DefaultValueFactory = _ => Path.GetTempPath() };
        Command command = new("saving",
            "Saves and loads a large checkpoint, and compares it with plain files of the same size.") { mebibytes, rounds,
            folder };
        command.SetAction(arguments => Run(arguments.GetValue(mebibytes), Math.Max(1, arguments.GetValue(rounds)),
            arguments.GetRequiredValue(folder)));
        return command;
    }

    private static int Run(int mebibytes, int rounds, string folder)
    {
        TorchBackend.EnsureLoaded();
        string place = Directory.CreateDirectory(Path.Combine(folder, $"saving-{Guid.NewGuid():N}")).FullName;
        try
        {
            using LargeState state = new((long)mebibytes << 20);
            using SavingCosts costs = new(state, place);
            costs.Measure(); // In the first round the system allocates the memory.
            SavingTimes[] times = [.. Enumerable.Range(0, rounds).Select(_ => costs.Measure())];
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{state.Bytes >> 20} MiB in {state.Tensors.Count} tensors"));
            foreach (SavingTimes time in times)
            {
                Console.WriteLine(time);
            }

            return new[]
            {
                Print("Saving compared with a plain write and sync", times.Select(time => time.Save / time.PlainWrite), MaxSaving),
                Print("Loading and verifying compared with a plain read that hashes", times.Select(time => time.Load / time.PlainRead),
                    MaxLoading),
                Print("The pause of training compared with a plain copy in memory", times.Select(time => time.Pause / time.PlainCopy),
                    MaxPause),
                Print("The memory of a background save, in sizes of the state", [costs.ExtraMemory], MaxMemory),
            }.Max();
        }
        finally
        {
            Directory.Delete(place, recursive: true);
        }
    }

    private static int Print(string what, IEnumerable<double> ratios, double bar)
    {
        double[] sorted = [.. ratios.Order()];
        double median = sorted[sorted.Length / 2];
        return Verdict.Print(what,
            string.Create(CultureInfo.InvariantCulture, $"{median:F2} ({sorted[0]:F2} to {sorted[^1]:F2}); target: at most {bar}"),
                median <= bar);
    }
}
