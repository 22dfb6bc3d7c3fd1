using System.CommandLine;
using System.Globalization;
using Diffusion.TestKit;
using Diffusion.TestKit.PowerLoss;

namespace Diffusion.Benchmarks;

/// <summary>
/// <c>power-loss</c>: simulates a power failure at every moment while checkpoints are saved, with every result that a file system allows.
/// </summary>
internal static class PowerLossCommand
{
    private const int Averages = 3;
    private const int Kept = 2;

    public static Command Create()
    {
        Command command = new("power-loss",
            "Builds every state that a power failure can leave while checkpoints are saved, also with each sync removed.");
        command.SetAction(_ => Run());
        return command;
    }

    private static int Run()
    {
        TorchBackend.EnsureLoaded();
        using TemporaryFolder written = new();
        IReadOnlyList<DiskOperation> history = PowerFailures.Record(written.Path, SaveSamplesCommand.Steps, Kept, Averages,
            background: true);
        using TemporaryFolder left = new();
        string?[] states = [.. PowerFailures.Try(history, left.Path)];
        int whole = Verdict.Print(
            string.Create(CultureInfo.InvariantCulture,
                $"{SaveSamplesCommand.Steps.Count} checkpoints, {history.Count} operations, {states.Length} different states after a "
                    + $"power failure"),
            [.. states.OfType<string>()],
            "lack a saved checkpoint, or contain something half-written");
        int[] syncs = [.. PowerFailures.NeededSyncs(history)];
        (DiskOperation Sync, string? Loss)[] tried = [.. syncs.AsParallel().AsOrdered()
            .Select(sync => (history[sync], LossWithout(history, sync)))];
        Array.ForEach(tried, one => Console.WriteLine($"without {one.Sync}: {one.Loss ?? "nothing is lost"}"));
        return Math.Max(whole, Verdict.Print(
            string.Create(CultureInfo.InvariantCulture, $"{syncs.Length} syncs, each removed in turn"),
            [.. tried.Where(one => one.Loss is null).Select(one => $"nothing is lost without {one.Sync}")],
            "not needed"));
    }

    private static string? LossWithout(IReadOnlyList<DiskOperation> history, int sync)
    {
        using TemporaryFolder left = new();
        return PowerFailures.LossWithout(history, sync, left.Path);
    }
}
