using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Diffusion.TestKit;

namespace Diffusion.Benchmarks;

/// <summary>A training run of several processes, one of which fails, started by <c>ProcessLauncher</c> with one restart.</summary>
internal sealed class RankTrial : IDisposable
{
    private const string FailureExitCode = "75";
    private static readonly TimeSpan MaxRun = TimeSpan.FromMinutes(2);

    private readonly TemporaryFolder folder = new();
    private readonly int processes;
    private readonly RankFault fault;
    private readonly List<string> problems = [];
    private string output = string.Empty;

    /// <param name="processes">The number of processes.</param>
    /// <param name="fault">What goes wrong.</param>
    public RankTrial(int processes, RankFault fault) => (this.processes, this.fault) = (processes, fault);

    /// <summary>From the failure to the end of the last process of the first start.</summary>
    public double Seconds { get; private set; }

    /// <summary>The weights of the last checkpoint.</summary>
    public byte[] Weights { get; private set; } = [];

    /// <summary>What was not as it must be.</summary>
    public IReadOnlyList<string> Problems => problems;

    /// <summary>What the processes printed.</summary>
    public string Output => output;

    /// <summary>Runs it to its end.</summary>
    public void Run()
    {
        IReadOnlyList<string> command = RankTrialCommand.CommandLine(folder.Path, processes, fault);
        ProcessStartInfo start = new(command[0], command.Skip(1)) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["DOTNET_TieredPGO"] = "0";
        using Process launcher = Process.Start(start)!;
        Task<string>[] streams = [launcher.StandardOutput.ReadToEndAsync(), launcher.StandardError.ReadToEndAsync()];
        if (fault.Kind != RankFault.None)
        {
            Seconds = MeasureEnd(launcher);
        }

        if (!launcher.WaitForExit(MaxRun))
        {
            problems.Add($"The run did not end within {MaxRun.TotalSeconds:F0} s.");
            launcher.Kill(entireProcessTree: true);
        }

        launcher.WaitForExit();
        problems.AddRange(Running().Select(name => $"left behind: {name}"));
        output = string.Concat(streams.Select(stream => stream.Result));
        if (launcher.ExitCode != 0)
        {
            problems.Add($"The run ended with exit code {launcher.ExitCode}.");
        }

        Weights = LastWeights();
    }

    /// <summary>Checks what the survivors printed, their exit codes, and that the run has the weights of a quiet one.</summary>
    public void Check(byte[] expected, double maxSeconds)
    {
        if (Seconds > maxSeconds)
        {
            problems.Add(string.Create(CultureInfo.InvariantCulture, $"The last process ended after {Seconds:F2} s."));
        }

        int[] survivors = [.. Enumerable.Range(0, processes).Where(rank => rank != fault.Rank || fault.Kind == RankFault.Order)];
        foreach (int rank in survivors)
        {
            string head = $"diffusion: rank {rank} of {processes}, step ";
            string line = output.Split('\n').FirstOrDefault(line => line.Contains(head, StringComparison.Ordinal), "nothing");
            if (!Regex.IsMatch(line, Reason()))
            {
                problems.Add($"Rank {rank} printed: {line}");
            }
        }

        // When the first survivor has ended, mpirun may kill another one before its exit code is noted.
        string[] exitCodes = [.. survivors.Select(ExitCode)];
        if (!exitCodes.Contains(FailureExitCode) || exitCodes.Any(code => code is not (FailureExitCode or "")))
        {
            problems.Add($"The survivors ended with exit codes {string.Join(", ", exitCodes)}.");
        }

        if (!Weights.AsSpan().SequenceEqual(expected))
        {
            problems.Add("The weights are not those of a quiet run.");
        }
    }

    public void Dispose() => folder.Dispose();

    private static bool IsAlive(string process)
    {
        try
        {
            string state = File.ReadAllText($"/proc/{process}/stat");
            return state[(state.LastIndexOf(')') + 2)..][0] is not ('Z' or 'X');
        }
        catch (IOException)
        {
            return false;
        }
    }

    // The cause with its rank and step.
    private string Reason() => fault.Kind switch
    {
        RankFault.Kill => $@"process of rank {fault.Rank} ended\. It was last heard of at step \d+ after \d+ operations",
        RankFault.Stop => $@"Rank {fault.Rank} has sent no heartbeat for .* It was last heard of at step \d+ after \d+ operations",
        RankFault.Exception => $@"Rank {fault.Rank} at step \d+: broken on purpose",
        _ => $@"AllReduce Max of 1 float32 on rank {fault.Rank} at step \d+",
    };

    private double MeasureEnd(Process launcher)
    {
        long? failed;
        while ((failed = RankFault.Time(folder.Path)) is null)
        {
            if (launcher.WaitForExit(TimeSpan.FromMilliseconds(5)))
            {
                problems.Add("The fault did not happen.");
                return 0;
            }
        }

        IEnumerable<string> files = Enumerable.Range(0, processes).Select(rank => RankTrialCommand.ProcessFile(folder.Path, rank));
        string[] first = [.. files.Select(File.ReadAllText)];
        long until = Stopwatch.GetTimestamp() + ((long)MaxRun.TotalSeconds * Stopwatch.Frequency);
        while (first.Any(IsAlive) && Stopwatch.GetTimestamp() < until)
        {
            Thread.Sleep(5);
        }

        return Stopwatch.GetElapsedTime(failed.Value).TotalSeconds;
    }

    // Every process whose command line names the folder.
    private IEnumerable<string> Running()
    {
        foreach (string process in Directory.GetDirectories("/proc").Select(Path.GetFileName).Where(name => int.TryParse(name, out _))!)
        {
            string command;
            try
            {
                command = File.ReadAllText($"/proc/{process}/cmdline").Replace('\0', ' ');
            }
            catch (IOException)
            {
                continue; // it has ended
            }

            if (command.Contains(folder.Path, StringComparison.Ordinal) && IsAlive(process))
            {
                yield return $"{process}: {command}";
            }
        }
    }

    private string ExitCode(int rank)
    {
        string file = RankTrialCommand.ExitCodeFile(folder.Path, rank);
        return File.Exists(file) ? File.ReadAllText(file).Trim() : string.Empty;
    }

    private byte[] LastWeights()
    {
        string checkpoints = folder.File(RankTrialCommand.RunFolder, "checkpoints");
        string? last = Directory.Exists(checkpoints)
            ? Directory.GetFiles(checkpoints, "weights.safetensors", SearchOption.AllDirectories).Max(StringComparer.Ordinal)
            : null;
        return last is null ? [] : File.ReadAllBytes(last);
    }
}
