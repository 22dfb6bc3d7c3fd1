using System.CommandLine;
using System.Globalization;

namespace Diffusion.Benchmarks;

/// <summary><c>start</c>: the time from the start of a process to the end of the quickstart's first step, part by part.</summary>
internal static class StartCommand
{
    private const double Bar = 3;

    public static Command Create()
    {
        Option<int> runs = new("--runs") { Description = "Processes, one after the other.", DefaultValueFactory = _ => 7 };
        Command command = new("start", "The time from the start of a process to its first training step, part by part.") { runs };
        command.SetAction(arguments => Run(arguments.GetValue(runs)));
        return command;
    }

    private static int Run(int runs)
    {
        Dictionary<string, double>[] measured = [.. Enumerable.Range(0, runs + 1).Select(_ => StartedTraining.Start()).Skip(1)];
        double Seconds(string part) => Median.Of(measured.Select(run => run[part]));

        Console.WriteLine($"{Environment.ProcessorCount} cores; medians of {runs} processes, after one that warms the disk cache");
        Console.WriteLine("| part | seconds |");
        Console.WriteLine("| --- | --: |");
        foreach (string part in measured[0].Keys)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {part} | {Seconds(part):F3} |"));
        }

        double whole = Median.Of(measured.Select(run => run.Values.Sum()));
        return Verdict.Print(
            string.Create(CultureInfo.InvariantCulture, $"start to the end of the first training step: {whole:F2} seconds"),
            string.Create(CultureInfo.InvariantCulture, $"target: below {Bar} seconds"), whole < Bar);
    }
}
