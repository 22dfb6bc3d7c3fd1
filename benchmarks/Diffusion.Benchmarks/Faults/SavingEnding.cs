using System.Diagnostics;
using System.Globalization;
using Diffusion.TestKit;

namespace Diffusion.Benchmarks;

/// <summary>How a saving program ended.</summary>
/// <param name="ExitCode">128 plus the signal's number if a signal ended it.</param>
/// <param name="Output">Its output.</param>
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

    /// <summary>The steps that it reported as saved, in order.</summary>
    public IReadOnlyList<long> Saved =>
        [.. Lines.Where(line => line.StartsWith(SaidSaved, StringComparison.Ordinal))
            .Select(line => long.Parse(line.AsSpan(SaidSaved.Length), CultureInfo.InvariantCulture))];

    private string[] Lines => Output.Split('\n');

    /// <summary>The last step that must be there now.</summary>
    /// <param name="before">The last step that had to be there before it started.</param>
    public long Promised(long before) => Saved.Append(before).Max();

    /// <summary>What is wrong with its exit; null if it saved everything or failed in an allowed way.</summary>
    /// <param name="checkpoints">The folder of the checkpoints.</param>
    /// <param name="signal">
    /// The number of the signal that may have ended it; null if it may only have failed with an error that names the folder.
    /// </param>
    public string? Problem(string checkpoints, int? signal)
    {
        bool isRefused = ExitCode == SaveSamplesCommand.Refused
            && Array.Exists(Lines,
                line => line.StartsWith(SaidRefused, StringComparison.Ordinal) && line.Contains(checkpoints, StringComparison.Ordinal));
        return ExitCode == 0 || (signal is null ? isRefused : ExitCode == 128 + signal) ? null : $"exit code {ExitCode}, {Output.Trim()}";
    }

    /// <summary>
    /// What is wrong with its exit, or with the files that it left for the next reader and writer; null if nothing is.
    /// </summary>
    /// <param name="checkpoints">The folder of the checkpoints.</param>
    /// <param name="before">The last step that had to be there before it started; 0 for none.</param>
    /// <param name="signal">As above.</param>
    public string? Problem(string checkpoints, long before, int? signal) =>
        Problem(checkpoints, signal) ?? CheckpointInspection.Problem(checkpoints, Promised(before));
}
