using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Diffusion.Benchmarks;

/// <summary>One call to the system by the main thread of a program: which, and its how manieth call of that kind it is.</summary>
/// <param name="Name">The system's name of it.</param>
/// <param name="Ordinal">From 1.</param>
/// <param name="Text">The call as strace writes it.</param>
internal sealed record SystemCall(string Name, int Ordinal, string Text);

/// <summary>Runs this program under strace, to see its calls and to disturb one of them.</summary>
internal static partial class SystemCalls
{
    private const string Changing = "mkdir,openat,write,pwrite64,fallocate,ftruncate,fsync,rename,renameat2,unlink,unlinkat,rmdir";

    /// <summary>How a disturbed program ended.</summary>
    /// <param name="ExitCode">137 when it was killed.</param>
    /// <param name="Output">What it wrote.</param>
    public sealed record Ending(int ExitCode, string Output);

    /// <summary>The calls that change something in a folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="arguments">The arguments of this program.</param>
    public static IReadOnlyList<SystemCall> Of(string folder, params string[] arguments)
    {
        string trace = Path.GetTempFileName();
        Ending ending = Run(["-f", "-y", "-o", trace, "-e", "trace=" + Changing], arguments);
        if (ending.ExitCode != 0)
        {
            throw new InvalidOperationException($"strace ended with {ending.ExitCode}: {ending.Output}. Install it: apt-get install strace.");
        }

        string[] lines = File.ReadAllLines(trace);
        File.Delete(trace);
        string main = lines[0].Split(' ')[0];
        Dictionary<string, int> counts = new(StringComparer.Ordinal);
        List<SystemCall> calls = [];
        foreach (Match call in lines.Select(line => Call().Match(line)).Where(call => call.Success && call.Groups["thread"].Value == main))
        {
            string name = call.Groups["name"].Value;
            counts[name] = counts.GetValueOrDefault(name) + 1;
            if (call.Value.Contains(folder, StringComparison.Ordinal) && (name != "openat" || call.Value.Contains("O_CREAT", StringComparison.Ordinal)))
            {
                calls.Add(new SystemCall(name, counts[name], call.Value));
            }
        }

        return calls;
    }

    /// <summary>Runs this program and disturbs one call.</summary>
    /// <param name="call">Which.</param>
    /// <param name="fault">What happens in its place, in strace's words: <c>signal=KILL</c>, <c>error=ENOSPC</c>.</param>
    /// <param name="arguments">The arguments of this program.</param>
    public static Ending Disturb(SystemCall call, string fault, params string[] arguments) => Run(
        ["-f", "-o", "/dev/null", "-e", "trace=" + call.Name, "-e", string.Create(CultureInfo.InvariantCulture, $"inject={call.Name}:{fault}:when={call.Ordinal}")],
        arguments);

    private static Ending Run(string[] strace, string[] arguments)
    {
        ProcessStartInfo start = new("strace", [.. strace, Environment.ProcessPath!, typeof(SystemCalls).Assembly.Location, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["OMP_NUM_THREADS"] = "1";
        start.Environment["DOTNET_TieredPGO"] = "0";
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new Ending(process.ExitCode, output + errors.GetAwaiter().GetResult());
    }

    [GeneratedRegex(@"^(?<thread>\d+) +(?<name>\w+)\(.*", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Call();
}
