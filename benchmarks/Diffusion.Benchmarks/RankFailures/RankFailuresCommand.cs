using System.CommandLine;
using System.Globalization;
using Diffusion.TestKit;

namespace Diffusion.Benchmarks;

/// <summary>
/// <c>rank-failures</c>: lets one process of a training run fail at a random moment, and checks that all others end quickly and name the
/// cause, that no process is left, and that the restarted run ends with the weights of a run without a failure.
/// </summary>
internal static class RankFailuresCommand
{
    private const double MaxSeconds = 5;
    private const double MaxSecondsFrozen = 10;
    private const int MinProcesses = 2;
    private const int MaxProcesses = 4;
    private const int MaxDelay = 30;
    private static readonly SeedStream Seeds = new(1);

    public static Command Create()
    {
        Option<int> trials = new("--trials")
        {
            Description = "The number of trials of all kinds together: the kinds take turns. 800 makes 200 of each of the four kinds.",
            DefaultValueFactory = _ => 200,
        };
        Option<int> first = new("--first") { Description = "The number of the first trial, from 0.", DefaultValueFactory = _ => 0 };
        Option<int> maxProcesses = new("--max-processes") { Description = "The largest number of processes of a trial, from 2.",
            DefaultValueFactory = _ => MaxProcesses };
        maxProcesses.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < MinProcesses or > MaxProcesses)
            {
                result.AddError($"--max-processes must be in {MinProcesses}..{MaxProcesses}.");
            }
        });
        Option<string[]> kinds = new("--kinds") { Description = "What goes wrong; default all.",
            DefaultValueFactory = _ => [.. RankFault.Kinds], AllowMultipleArgumentsPerToken = true };
        kinds.AcceptOnlyFromAmong([.. RankFault.Kinds]);
        Command command = new("rank-failures",
            "Lets one process of a training run be killed, freeze, throw or call another operation.")
        {
            trials, first, maxProcesses, kinds,
        };
        command.SetAction(arguments =>
            Run(arguments.GetValue(first), arguments.GetValue(trials), arguments.GetValue(maxProcesses),
                arguments.GetRequiredValue(kinds)));
        return command;
    }

    private static int Run(int first, int trials, int maxProcesses, string[] kinds)
    {
        byte[]?[] quiet = new byte[maxProcesses + 1][];
        Dictionary<string, List<double>> seconds = kinds.ToDictionary(kind => kind, _ => new List<double>(), StringComparer.Ordinal);
        List<string> failures = [];
        for (int i = first; i < first + trials; i++)
        {
            string kind = kinds[i % kinds.Length];
            int processes = Draw(i, 0, MinProcesses, maxProcesses + 1);
            long reads = RankTrialCommand.Steps * RankTrialCommand.BatchSize / processes;
            RankFault fault = new(
                kind, Draw(i, 1, 0, processes), Draw(i, 2, 1, (int)reads - RankTrialCommand.BatchSize), Draw(i, 3, 0, MaxDelay));
            quiet[processes] ??= Quiet(processes);
            using RankTrial trial = new(processes, fault);
            trial.Run();
            trial.Check(quiet[processes]!, kind == RankFault.Stop ? MaxSecondsFrozen : MaxSeconds);
            seconds[kind].Add(trial.Seconds);
            string verdict = trial.Problems.Count > 0 ? "FAILED" : "good";
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"trial {i}, {processes} processes, {fault}: {trial.Seconds:F2} s, {verdict}"));
            if (trial.Problems.Count > 0)
            {
                failures.Add($"trial {i}: {string.Join(" ", trial.Problems)}");
                Console.WriteLine($"{string.Join('\n', trial.Problems)}\n{trial.Output}");
            }
        }

        return Verdict.Print(
            string.Join('\n', seconds.Where(kind => kind.Value.Count > 0).Select(kind => string.Create(CultureInfo.InvariantCulture,
                $"{kind.Key}: {kind.Value.Count} trials; until the last process ended: median {Median.Of(kind.Value):F2} s, maximum "
                    + $"{kind.Value.Max():F2} s"))),
            failures,
            "trials failed");
    }

    private static byte[] Quiet(int processes)
    {
        using RankTrial trial = new(processes, new RankFault(RankFault.None, 0, 0, 0));
        trial.Run();
        return trial is { Problems.Count: 0, Weights.Length: > 0 }
            ? trial.Weights
            : throw new InvalidOperationException($"A run without a failure failed: {string.Join(" ", trial.Problems)}\n{trial.Output}");
    }

    // From the first number to below the second.
    private static int Draw(int trial, int which, int from, int to) =>
        from + (int)(Seeds.Uniform(RandomPurpose.Drawing, (4L * trial) + which) * (to - from));
}
