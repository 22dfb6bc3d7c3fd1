using System.Diagnostics;
using System.Globalization;
using Diffusion.TestKit;

namespace Diffusion.Benchmarks;

/// <summary>Kills a program at random moments while it saves checkpoints, and checks what is left.</summary>
internal static class RandomKills
{
    private const int MaxSaves = 1000;
    private const int MaxWaitMilliseconds = 120;

    private static readonly SeedStream Seeds = new(1);

    public static int Run(int moments, bool background)
    {
        SavingProgram program = new([.. Enumerable.Range(1, MaxSaves).Select(step => (long)step)], background);
        List<string> failures = [];
        long saved = 0;
        for (int moment = 0; moment < moments; moment++)
        {
            using TemporaryFolder place = TemporaryFolder.OnDisk();
            string checkpoints = Path.Combine(place.Path, "checkpoints");
            long promised = KillOnce(program, checkpoints, (int)(Seeds.Uniform(RandomPurpose.Drawing, moment) * MaxWaitMilliseconds));
            saved += promised;
            if (CheckpointInspection.Problem(checkpoints, promised) is { } problem)
            {
                failures.Add($"moment {moment}: {problem}");
            }
        }

        return Verdict.Print(
            string.Create(CultureInfo.InvariantCulture, $"{moments} kills at random moments, {saved} checkpoints saved before them"),
            failures,
            "lost a saved checkpoint, or left something half-written");
    }

    // The last step that the program reported as saved.
    private static long KillOnce(SavingProgram program, string checkpoints, int wait)
    {
        using Process process = program.Start(checkpoints);
        string? first = process.StandardOutput.ReadLine();
        process.WaitForExit(wait);
        process.Kill();
        SavingEnding ending = SavingEnding.Of(process);
        long promised = (ending with { Output = $"{first}\n{ending.Output}" }).Promised(0);
        return promised > 0 ? promised : throw new InvalidOperationException($"The saving program printed: {first} {ending.Output}");
    }
}
