using System.Globalization;
using Diffusion.TestKit;

namespace Diffusion.Benchmarks;

/// <summary>
/// Saves to disks of every size up to twice the size of all sample checkpoints, and to a read-only disk. Then makes space and saves the
/// rest, without any cleanup in between.
/// </summary>
/// <remarks>
/// A disk cannot become read-only while a file is open for writing, as the lock file is. So this is tested between two programs.
/// </remarks>
internal static class FullDisk
{
    private const int Page = 4096;
    private const int Roomy = 1 << 26;

    public static int Run(bool background)
    {
        int maxPages = 2 * SaveSamplesCommand.Steps.Count * PagesOfOne();
        (bool IsRefused, string? Problem)[] sizes = [.. Enumerable.Range(1, maxPages).AsParallel().AsOrdered()
            .Select(pages => Fill(pages * Page, background))];
        int full = Verdict.Print(
            string.Create(CultureInfo.InvariantCulture,
                $"{sizes.Length} sizes from {Page} to {maxPages * Page} bytes, {sizes.Count(size => size.IsRefused)} of them too small"),
            [.. sizes.Select((size, place) => size.Problem is null ? null : $"{(place + 1) * Page} bytes: {size.Problem}")
                .OfType<string>()],
            "lost a saved checkpoint, left something half-written, gave another error than the documented one, or left a folder "
                + "that could not be used again");
        return Math.Max(full,
            Verdict.Print("a read-only disk", [.. ReadOnly(background) is { } problem ? [problem] : Array.Empty<string>()],
                "failed in the same way"));
    }

    private static int PagesOfOne()
    {
        using TemporaryFolder place = TemporaryFolder.OnDisk();
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

    // Another process resumes in the folder that the first one left.
    private static string? SaveRest(string checkpoints, int before, bool background)
    {
        long[] rest = [.. SaveSamplesCommand.Steps.Skip(before)];
        SavingEnding? ending = rest.Length == 0 ? null : new SavingProgram(rest, background).Run(checkpoints);
        return ending is { ExitCode: not 0 }
            ? $"with more space it ended with {ending.ExitCode}: {ending.Output.Trim()}"
            : CheckpointInspection.Problem(checkpoints, SaveSamplesCommand.Steps[^1]);
    }
}
