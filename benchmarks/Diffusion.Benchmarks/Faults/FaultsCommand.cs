using System.CommandLine;
using System.Globalization;
using Diffusion.TestKit;

namespace Diffusion.Benchmarks;

/// <summary><c>faults</c>: stops or disturbs saving at every call to the system that changes a file, and looks what is left.</summary>
internal static class FaultsCommand
{
    private const string Kill = "KILL";
    private static readonly string[] Kinds = [Kill, "ENOSPC", "EIO", "EDQUOT", "EROFS", "EACCES"];

    public static Command Create()
    {
        Option<string[]> kinds = new("--kinds") { Description = "KILL, or errors of the system; default all.", DefaultValueFactory = _ => Kinds, AllowMultipleArgumentsPerToken = true };
        kinds.AcceptOnlyFromAmong(Kinds);
        Option<int> random = new("--random") { Description = "Kills it at so many random moments instead.", DefaultValueFactory = _ => 0 };
        Command command = new("faults", "Kills a program that saves, or makes the system refuse it, at every call that changes a file.") { kinds, random };
        command.SetAction(arguments => arguments.GetValue(random) is > 0 and int moments ? RandomKills.Run(moments) : Run(arguments.GetRequiredValue(kinds)));
        return command;
    }

    private static int Run(string[] kinds)
    {
        using TemporaryFolder folder = new();
        IReadOnlyList<SystemCall> calls = SystemCalls.Of(folder.Path, "save-samples", Path.Combine(folder.Path, "checkpoints"));
        Console.WriteLine($"{calls.Count} calls: {string.Join(", ", calls.CountBy(call => call.Name).Select(name => $"{name.Value} {name.Key}"))}");
        int worst = 0;
        foreach (string kind in kinds)
        {
            int points = 0;
            int missed = 0;
            List<string> failures = [];
            foreach (SystemCall call in calls)
            {
                using TemporaryFolder place = new();
                string checkpoints = Path.Combine(place.Path, "checkpoints");
                SystemCalls.Ending ending = SystemCalls.Disturb(call, kind == Kill ? "signal=KILL" : $"error={kind}", "save-samples", checkpoints);
                points++;
                missed += ending.ExitCode == 0 ? 1 : 0;
                if (Problem(kind, ending, checkpoints) is { } problem)
                {
                    failures.Add($"{call.Text}: {problem}");
                }
            }

            failures.ForEach(Console.WriteLine);
            worst = Math.Max(worst, Verdict.Print(
                $"{kind}: {points} points, {missed} of them without effect",
                string.Create(CultureInfo.InvariantCulture, $"{failures.Count} left less than was promised, something half-written, or another error than the declared one; bar: none"),
                failures.Count == 0));
        }

        return worst;
    }

    private static string? Problem(string kind, SystemCalls.Ending ending, string checkpoints)
    {
        string[] lines = ending.Output.Split('\n');
        long promised = lines.Where(line => line.StartsWith("saved ", StringComparison.Ordinal)).Select(line => long.Parse(line.AsSpan(6), CultureInfo.InvariantCulture)).DefaultIfEmpty().Max();
        string? refused = Array.Find(lines, line => line.StartsWith("refused ", StringComparison.Ordinal));
        bool expected = ending.ExitCode == 0
            || (kind == Kill ? ending.ExitCode is 137 or -9 : ending.ExitCode == SaveSamplesCommand.Refused && refused?.Contains(checkpoints, StringComparison.Ordinal) == true);
        return expected ? CheckpointInspection.Problem(checkpoints, promised) : $"exit code {ending.ExitCode}, {ending.Output.Trim()}";
    }
}
