using System.Diagnostics;
using System.Globalization;
using Diffusion.TestKit;

namespace Diffusion.Benchmarks;

/// <summary>How a program that saves ended.</summary>
/// <param name="ExitCode">128 and the signal's number when a signal ended it.</param>
/// <param name="Output">What it wrote.</param>
internal sealed record SavingEnding(int ExitCode, string Output)
{
    private const string SaidSaved = "saved ";
    private const string SaidRefused = "refused ";

    /// <summary>Waits for the end of a program.</summary>
    public static SavingEnding Of(Process process)
    {
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new SavingEnding(process.ExitCode, output + errors.GetAwaiter().GetResult());
    }

    /// <summary>The steps that it said were saved, the first first.</summary>
    public IReadOnlyList<long> Saved =>
        [.. Lines.Where(line => line.StartsWith(SaidSaved, StringComparison.Ordinal))
            .Select(line => long.Parse(line.AsSpan(SaidSaved.Length), CultureInfo.InvariantCulture))];

    private string[] Lines => Output.Split('\n');

    /// <summary>The last step that is promised now.</summary>
    /// <param name="before">The last that was promised before it began.</param>
    public long Promised(long before) => Saved.Append(before).Max();

    /// <summary>What is wrong with the way in which it ended; null when it saved all, or failed as it may.</summary>
    /// <param name="checkpoints">Where it saved.</param>
    /// <param name="signal">
    /// The number of the signal that may have ended it; null when it may only have refused to save, with the name of the folder.
    /// </param>
    public string? Problem(string checkpoints, int? signal)
    {
        bool isRefused = ExitCode == SaveSamplesCommand.Refused
            && Array.Exists(Lines,
                line => line.StartsWith(SaidRefused, StringComparison.Ordinal) && line.Contains(checkpoints, StringComparison.Ordinal));
        return ExitCode == 0 || (signal is null ? isRefused : ExitCode == 128 + signal) ? null : $"exit code {ExitCode}, {Output.Trim()}";
    }

    /// <summary>
    /// What is wrong with the way in which it ended, or with what it left for the next reader and writer; null when nothing is.
    /// </summary>
    /// <param name="checkpoints">Where it saved.</param>
    /// <param name="before">The last step that was promised before it began; 0 for none.</param>
    /// <param name="signal">As above.</param>
    public string? Problem(string checkpoints, long before, int? signal) =>
        Problem(checkpoints, signal) ?? CheckpointInspection.Problem(checkpoints, Promised(before));
}
