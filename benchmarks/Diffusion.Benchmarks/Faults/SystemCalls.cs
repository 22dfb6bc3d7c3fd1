using System.Globalization;
using System.Text.RegularExpressions;

namespace Diffusion.Benchmarks;

/// <summary>One call to the system that changes a file.</summary>
/// <param name="Name">The system's name of it.</param>
/// <param name="Path">What it changes, relative to the folder that is watched.</param>
/// <param name="Ordinal">Its how manieth call of that name for that path it is, from 1.</param>
/// <param name="Text">The call as strace writes it.</param>
internal sealed record SystemCall(string Name, string Path, int Ordinal, string Text);

/// <summary>Runs a program that saves under strace, to see its calls and to disturb one of them.</summary>
/// <remarks>
/// strace counts the calls of each thread by itself, so a call is named by what it does and to which path: no thread but one that saves
/// touches these. A program that saves in the background has a new thread for each checkpoint, and the next repeats what the one before
/// did. The first of them is looked at, and it is the first that comes to its call when that is disturbed.
/// </remarks>
internal static partial class SystemCalls
{
    private const string Changing = "mkdir,openat,write,pwrite64,fallocate,ftruncate,fsync,rename,renameat2,unlink,unlinkat,rmdir";

    /// <summary>The calls of the first thread that changes something in a folder.</summary>
    /// <param name="program">The program.</param>
    /// <param name="folder">The folder.</param>
    /// <param name="checkpoints">Where in it the program saves.</param>
    public static IReadOnlyList<SystemCall> Of(SavingProgram program, string folder, string checkpoints)
    {
        string trace = Path.GetTempFileName();
        SavingEnding ending = program.Run(checkpoints, "strace", "-f", "-y", "-o", trace, "-e", "trace=" + Changing);
        string[] lines = File.ReadAllLines(trace);
        File.Delete(trace);
        if (ending.ExitCode != 0)
        {
            throw new InvalidOperationException($"strace ended with {ending.ExitCode}: {ending.Output}. It must be allowed to trace.");
        }

        Dictionary<(string, string), int> counts = [];
        List<SystemCall> calls = [];
        string? thread = null;
        foreach (Match line in lines.Select(line => Call().Match(line))
            .Where(line => line.Success && line.Value.Contains(folder, StringComparison.Ordinal)))
        {
            string name = line.Groups["name"].Value;
            bool changes = name != "openat" || line.Value.Contains("O_CREAT", StringComparison.Ordinal);
            thread ??= changes ? line.Groups["thread"].Value : null;
            if (line.Groups["thread"].Value == thread)
            {
                string path = PathIn(line.Value, folder);
                counts[(name, path)] = counts.GetValueOrDefault((name, path)) + 1;
                calls.AddRange(changes ? [new SystemCall(name, path, counts[(name, path)], line.Value)] : []);
            }
        }

        return calls;
    }

    /// <summary>The strace that disturbs one call of the program that it runs.</summary>
    /// <param name="call">Which call.</param>
    /// <param name="fault">What happens in its place, in strace's words: <c>signal=KILL</c>, <c>error=ENOSPC</c>.</param>
    /// <param name="folder">The folder that is watched.</param>
    public static IReadOnlyList<string> Disturbing(SystemCall call, string fault, string folder) =>
    [
        "strace", "-f", "-o", "/dev/null", "-P", Path.GetFullPath(call.Path, folder), "-e", "trace=" + call.Name,
        "-e", string.Create(CultureInfo.InvariantCulture, $"inject={call.Name}:{fault}:when={call.Ordinal}"),
    ];

    // Of two paths the first: strace filters by no other.
    private static string PathIn(string call, string folder)
    {
        int start = call.IndexOf(folder, StringComparison.Ordinal);
        return Path.GetRelativePath(folder, call[start..(start + call.AsSpan(start).IndexOfAny('"', '>'))]);
    }

    [GeneratedRegex(@"^(?<thread>\d+) +(?<name>\w+)\(.*", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Call();
}
