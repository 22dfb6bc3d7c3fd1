using System.Diagnostics;
using System.Globalization;
using Diffusion.TestKit;

namespace Diffusion.Benchmarks;

/// <summary>Kills a program that saves one checkpoint after the other at random moments, and looks what is left.</summary>
internal static class RandomKills
{
    private const int Rounds = 1000;
    private const int LongestWait = 120;

    private static readonly SeedStream Seeds = new(1);

    public static int Run(int moments)
    {
        List<string> failures = [];
        long saved = 0;
        for (int moment = 0; moment < moments; moment++)
        {
            using TemporaryFolder place = new();
            string checkpoints = Path.Combine(place.Path, "checkpoints");
            long promised = KillOnce(checkpoints, (int)(Seeds.Uniform(RandomPurpose.Drawing, moment) * LongestWait));
            saved += promised;
            if (CheckpointInspection.Problem(checkpoints, promised) is { } problem)
            {
                failures.Add($"moment {moment}: {problem}");
            }
        }

        failures.ForEach(Console.WriteLine);
        return Verdict.Print(
            string.Create(CultureInfo.InvariantCulture, $"{moments} kills at random moments, {saved} checkpoints saved before them"),
            string.Create(CultureInfo.InvariantCulture, $"{failures.Count} left less than was promised, or something half-written; bar: none"),
            failures.Count == 0);
    }

    // The last step that the program said was saved.
    private static long KillOnce(string checkpoints, int wait)
    {
        ProcessStartInfo start = new(
            Environment.ProcessPath!,
            [typeof(RandomKills).Assembly.Location, "save-samples", checkpoints, "--rounds", Rounds.ToString(CultureInfo.InvariantCulture)])
        {
            RedirectStandardOutput = true,
        };
        start.Environment["OMP_NUM_THREADS"] = "1";
        using Process process = Process.Start(start)!;
        string? line = process.StandardOutput.ReadLine();
        process.WaitForExit(wait);
        process.Kill();
        process.WaitForExit();
        long promised = 0;
        for (; line is not null; line = process.StandardOutput.ReadLine())
        {
            promised = line.StartsWith("saved ", StringComparison.Ordinal)
                ? long.Parse(line.AsSpan(6), CultureInfo.InvariantCulture)
                : throw new InvalidOperationException($"The program that saves said: {line}");
        }

        return promised;
    }
}
