using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Diffusion.TestKit;
using Diffusion.TestKit.Resuming;

namespace Diffusion.Benchmarks;

/// <summary><c>resume</c>: whether a run that resumes from any of its steps ends bit for bit like an uninterrupted run.</summary>
internal static class ResumeCommand
{
    private const int TwiceEvery = 10;

    public static Command Create()
    {
        string[] all = [.. ResumeCase.All.Select(one => one.Name)];
        Option<string[]> cases = new("--cases") { Description = "Which kinds of runs; default all.", DefaultValueFactory = _ => all,
            AllowMultipleArgumentsPerToken = true };
        cases.AcceptOnlyFromAmong(all);
        Option<int> steps = new("--steps") { Description = "The steps of a run.", DefaultValueFactory = _ => 500 };
        Option<int> processes = new("--processes") { Description = "Resumes from only this many steps, each in a separate process.",
            DefaultValueFactory = _ => 0 };
        Command command = new("resume", "Resumes from every step of a run, and compares the last checkpoints bit for bit.") { cases, steps,
            processes };
        command.SetAction(arguments => arguments.GetRequiredValue(cases)
            .Max(name => Run(ResumeCase.Named(name), Math.Max(2, arguments.GetValue(steps)), arguments.GetValue(processes))));
        return command;
    }

    private static int Run(ResumeCase run, int steps, int processes)
    {
        TorchBackend.EnsureLoaded();
        Stopwatch clock = Stopwatch.StartNew();
        using TemporaryFolder folder = new();
        string whole = folder.File("whole", "run");
        string expected = run.Train(whole, steps, saveEach: true);
        List<string> failures = run.Train(folder.File("unsaved", "run"), steps) == expected
            ? []
            : ["A run without intermediate checkpoints ended with different weights."];

        int points = processes > 0 ? Math.Min(processes, steps) : steps;
        for (int point = 0; point < points; point++)
        {
            int step = (int)((long)point * steps / points);
            using TemporaryFolder resumed = new();
            string end = Resume(whole, step, resumed.File("once", "run"), stopAt: null);
            string twice = point % TwiceEvery == 0
                ? Resume(whole, step, resumed.File("twice", "run"), stopAt: step + ((steps - step + 1) / 2))
                : expected;
            if (end != expected || twice != expected)
            {
                failures.Add($"From step {step}: {end}, or {twice} when stopped once more, instead of {expected}");
            }
        }

        return Verdict.Print(
            string.Create(CultureInfo.InvariantCulture,
                $"{run.Name}: {points} points of {steps} steps, every tenth of them resumed "
                    + $"twice{(processes > 0 ? ", in separate processes" : string.Empty)}, in {clock.Elapsed.TotalSeconds:F0} s"),
            failures,
            "ended with different bits");

        string Resume(string from, int step, string to, int? stopAt)
        {
            ResumeCase.Hand(from, step, to);
            if (stopAt is { } stop && stop < steps)
            {
                Train(to, stop);
            }

            return Train(to, null);
        }

        string Train(string to, int? stopAt) => processes > 0
            ? TrainCommand.Start(run.Name, to, steps, stopAt)
            : run.Train(to, steps, stopAt);
    }
}
