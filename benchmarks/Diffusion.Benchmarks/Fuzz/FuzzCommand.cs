using System.CommandLine;
using System.Diagnostics;
using Diffusion.TestKit.Fuzzing;

namespace Diffusion.Benchmarks;

/// <summary><c>fuzz</c>: whether reading damaged files ends in success or in the documented error.</summary>
internal static class FuzzCommand
{
    private static readonly TimeSpan Report = TimeSpan.FromSeconds(10);

    private sealed record Choices(string Target, long Inputs, long First, ulong Seed, int Threads);

    public static Command Create()
    {
        Option<string> target = new("--target") 
        {
            Description = $"The kind of file: {string.Join(", ", FuzzTarget.Names)}.", Required = true,
        };
        target.AcceptOnlyFromAmong([.. FuzzTarget.Names]);
        Option<long> inputs = new("--inputs") { Description = "The number of damaged files.", Required = true };
        Option<long> first = new("--first") 
        {
            Description = "The number of the first file; use it to repeat one input.", DefaultValueFactory = _ => 0,
        };
        Option<ulong> seed = new("--seed") { Description = "The seed of all files.", DefaultValueFactory = _ => 1 };
        Option<int> threads = new("--threads") { Description = "The number of threads; default one per core.",
            DefaultValueFactory = _ => Environment.ProcessorCount };
        Command command = new("fuzz",
            "Damaged shards, indexes, IDX files, weights, manifests and configurations: success or the documented error, with little "
                + "memory and time.")
        {
            target, inputs, first, seed, threads,
        };
        command.SetAction(arguments => Run(new Choices(
            arguments.GetValue(target)!,
            arguments.GetValue(inputs),
            arguments.GetValue(first),
            arguments.GetValue(seed),
            Math.Max(1, arguments.GetValue(threads)))));
        return command;
    }

    private static int Run(Choices choices)
    {
        FuzzNumbers numbers = new(choices.Seed, choices.First, choices.Inputs);
        FuzzWorker[] workers = [.. Enumerable.Range(0, choices.Threads)
            .Select(_ => new FuzzWorker(numbers, FuzzTarget.Create(choices.Target)))];
        Stopwatch clock = Stopwatch.StartNew();
        Thread[] threads = [.. workers.Select(worker => new Thread(worker.Work) { IsBackground = true })];
        Array.ForEach(threads, thread => thread.Start());
        if (Watch(workers, threads, clock) is { } stuck)
        {
            return Failed(choices, stuck, $"It did not end within {Report.TotalSeconds:F0} seconds.");
        }

        double seconds = clock.Elapsed.TotalSeconds;
        long done = workers.Sum(worker => worker.Done);
        foreach ((string kind, long count) in workers.SelectMany(worker => worker.Kinds).GroupBy(entry => entry.Key, entry => entry.Value)
            .Select(group => (group.Key, group.Sum())).OrderByDescending(entry => entry.Item2))
        {
            Console.WriteLine($"{count,14:N0} {kind}");
        }

        if (workers.FirstOrDefault(worker => worker.Failure is not null)?.Failure is { } failure)
        {
            return Failed(choices, failure.Number, failure.Problem);
        }

        (long bytes, long number) = workers.Select(worker => worker.Max).MaxBy(largest => largest.Bytes);
        (TimeSpan time, long slowest) = workers.Select(worker => worker.Slowest).MaxBy(slow => slow.Time);
        return Verdict.Print(
            $"{done:N0} inputs in {seconds:F1} s, {done / seconds:N0} per second; maximum memory of one input: {bytes:N0} bytes, "
                + $"input {number}; "
            + $"maximum processor time: {time.TotalMilliseconds:F2} ms, input {slowest}",
            $"{choices.Target}, seed {choices.Seed}: no input of {done:N0} failed; target: none, and all of {choices.Inputs:N0} read",
            done == choices.Inputs);
    }

    // The number of an input that one thread has been reading for a whole report interval; null when all threads have ended.
    private static long? Watch(FuzzWorker[] workers, Thread[] threads, Stopwatch clock)
    {
        long before = 0;
        long[] last = new long[workers.Length];
        Array.Fill(last, -1);
        for (TimeSpan due = Report; !Ended(threads, due - clock.Elapsed); due += Report)
        {
            long done = workers.Sum(worker => worker.Done);
            Console.WriteLine(
                $"{clock.Elapsed.TotalSeconds,6:F0} s: {done:N0} inputs, {(done - before) / Report.TotalSeconds:N0} per second");
            before = done;
            for (int i = 0; i < workers.Length; i++)
            {
                long current = workers[i].Current;
                if (threads[i].IsAlive && current == last[i])
                {
                    return current;
                }

                last[i] = current;
            }
        }

        return null;
    }

    private static bool Ended(Thread[] threads, TimeSpan wait)
    {
        long until = Stopwatch.GetTimestamp() + (long)(wait.TotalSeconds * Stopwatch.Frequency);
        return threads.All(thread => thread.Join(Positive(Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), until))));
    }

    private static TimeSpan Positive(TimeSpan time) => time > TimeSpan.Zero ? time : TimeSpan.Zero;

    private static int Failed(Choices choices, long number, string problem) => Verdict.Print(
        $"Input {number}: {problem}",
        $"{choices.Target}, seed {choices.Seed}, input {number}; repeat with --target {choices.Target} --seed {choices.Seed} --first "
            + $"{number} --inputs 1",
        passed: false);
}
