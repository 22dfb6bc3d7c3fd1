using System.Diagnostics;
using System.Globalization;

namespace Diffusion.Benchmarks;

/// <summary><c>save-samples</c> in a separate process.</summary>
/// <param name="Steps">The steps to save.</param>
/// <param name="Background">Whether it saves on a background thread.</param>
internal sealed record SavingProgram(IReadOnlyList<long> Steps, bool Background)
{
    /// <summary>Starts the program.</summary>
    /// <param name="checkpoints">The folder of the checkpoints.</param>
    /// <param name="under">The program that runs it, with its arguments; empty for none.</param>
    public Process Start(string checkpoints, params IReadOnlyList<string> under)
    {
        string[] command =
        [
            .. under,
            .. OwnProgram.Command(
            [
                "save-samples", checkpoints, "--steps", .. Steps.Select(step => step.ToString(CultureInfo.InvariantCulture)),
                .. Background ? ["--background"] : Array.Empty<string>(),
            ]),
        ];
        ProcessStartInfo start = new(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["OMP_NUM_THREADS"] = "1";
        start.Environment["DOTNET_TieredPGO"] = "0";
        return Process.Start(start)!;
    }

    /// <summary>Runs the program to its end.</summary>
    /// <param name="checkpoints">The folder of the checkpoints.</param>
    /// <param name="under">The program that runs it, with its arguments; empty for none.</param>
    public SavingEnding Run(string checkpoints, params IReadOnlyList<string> under)
    {
        using Process process = Start(checkpoints, under);
        return SavingEnding.Of(process);
    }
}
