using System.Globalization;
using Diffusion.TestKit;

namespace Diffusion.Benchmarks;

/// <summary>
/// Saves to disks of every size up to twice what all sample checkpoints take, and to one that is read-only; then makes room and saves the
/// rest, with nobody tidying in between.
/// </summary>
/// <remarks>
/// A disk does not become read-only while a file is open to be written, as the one of the lock is: that is tried between two programs.
/// </remarks>
internal static class FullDisk
{
    private const int Page = 4096;
    private const int Roomy = 1 << 26;

    public static int Run(bool background)
    {
        int largest = 2 * SaveSamplesCommand.Steps.Count * PagesOfOne();
        (bool IsRefused, string? Problem)[] sizes = [.. Enumerable.Range(1, largest).AsParallel().AsOrdered()
            .Select(pages => Fill(pages * Page, background))];
        int full = Verdict.Print(
            string.Create(CultureInfo.InvariantCulture,
                $"{sizes.Length} sizes from {Page} to {largest * Page} bytes, {sizes.Count(size => size.IsRefused)} of them too small"),
            [.. sizes.Select((size, place) => size.Problem is null ? null : $"{(place + 1) * Page} bytes: {size.Problem}")
                .OfType<string>()],
            "left less than was promised, something half-written, another error than the declared one, or a folder that could not "
                + "be used again");
        return Math.Max(full,
            Verdict.Print("a read-only disk", [.. ReadOnly(background) is { } problem ? [problem] : Array.Empty<string>()], "of the same"));
    }

    private static int PagesOfOne()
    {
        using TemporaryFolder place = new();
        new SavingProgram([1], Background: false).Run(place.Path);
        return Directory.GetFiles(place.Path, "*", SearchOption.AllDirectories)
            .Sum(file => (int)(new FileInfo(file).Length + Page - 1) / Page);
    }

    private static (bool IsRefused, string? Problem) Fill(int bytes, bool background)
    {
        using SmallDisk disk = new(bytes);
        string checkpoints = Path.Combine(disk.Path, "checkpoints");
        SavingEnding ending = new SavingProgram(SaveSamplesCommand.Steps, background).Run(checkpoints);
        string? problem = ending.Problem(checkpoints, signal: null)
            ?? CheckpointInspection.ProblemOfReader(checkpoints, ending.Promised(0));
        disk.Change(string.Create(CultureInfo.InvariantCulture, $"size={Roomy}"));
        return (ending.ExitCode != 0, problem ?? SaveRest(checkpoints, ending.Saved.Count, background));
    }

    private static string? ReadOnly(bool background)
    {
        const int Before = 2;
        using SmallDisk disk = new(Roomy);
        string checkpoints = Path.Combine(disk.Path, "checkpoints");
        long promised = new SavingProgram([.. SaveSamplesCommand.Steps.Take(Before)], background).Run(checkpoints).Promised(0);
        disk.Change("ro");
        SavingEnding ending = new SavingProgram([.. SaveSamplesCommand.Steps.Skip(Before)], background).Run(checkpoints);
        string? problem = ending.ExitCode == 0
            ? "it saved"
            : ending.Problem(checkpoints, signal: null) ?? CheckpointInspection.ProblemOfReader(checkpoints, promised);
        disk.Change("rw");
        return problem ?? SaveRest(checkpoints, Before, background);
    }

    // Another process takes what the first left.
    private static string? SaveRest(string checkpoints, int before, bool background)
    {
        long[] rest = [.. SaveSamplesCommand.Steps.Skip(before)];
        SavingEnding? ending = rest.Length == 0 ? null : new SavingProgram(rest, background).Run(checkpoints);
        return ending is { ExitCode: not 0 }
            ? $"with room it ended with {ending.ExitCode}: {ending.Output.Trim()}"
            : CheckpointInspection.Problem(checkpoints, SaveSamplesCommand.Steps[^1]);
    }
}
