using System.Diagnostics;
using System.Globalization;

namespace Diffusion.Benchmarks;

/// <summary><c>save-samples</c> as a process of its own.</summary>
/// <param name="Steps">What it saves.</param>
/// <param name="Background">Whether it saves on a thread of its own.</param>
internal sealed record SavingProgram(IReadOnlyList<long> Steps, bool Background)
{
    /// <summary>Begins it.</summary>
    /// <param name="checkpoints">Where it saves.</param>
    /// <param name="under">The program that it runs under, with its arguments; nothing for none.</param>
    public Process Start(string checkpoints, params IReadOnlyList<string> under)
    {
        string host = Environment.ProcessPath!;
        string[] command =
        [
            .. under, host,
            .. Path.GetFileNameWithoutExtension(host) == "dotnet" ? [typeof(SavingProgram).Assembly.Location] : Array.Empty<string>(),
            "save-samples", checkpoints, "--steps", .. Steps.Select(step => step.ToString(CultureInfo.InvariantCulture)),
            .. Background ? ["--background"] : Array.Empty<string>(),
        ];
        ProcessStartInfo start = new(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["OMP_NUM_THREADS"] = "1";
        start.Environment["DOTNET_TieredPGO"] = "0";
        return Process.Start(start)!;
    }

    /// <summary>Runs it to its end.</summary>
    /// <param name="checkpoints">Where it saves.</param>
    /// <param name="under">The program that it runs under, with its arguments; nothing for none.</param>
    public SavingEnding Run(string checkpoints, params IReadOnlyList<string> under)
    {
        using Process process = Start(checkpoints, under);
        return SavingEnding.Of(process);
    }
}
