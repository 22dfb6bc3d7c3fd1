using System.Globalization;
using System.Text.RegularExpressions;
using Diffusion.TestKit;

namespace Diffusion.Benchmarks;

/// <summary>
/// Limits the length of files, so that the system accepts a part of a write and rejects the rest, at every length up to that of the longest
/// file. Two checkpoints are already there when the program saves.
/// </summary>
/// <remarks>
/// The system reports the limit with a signal, which ends a .NET program as a kill does. A program that was started with the signal ignored
/// gets an error. Saving reserves the length of a file in advance, so it meets nearly all limits before a write. Each limit is also tested
/// with a system that cannot reserve, where the write itself is cut short.
/// </remarks>
internal static partial class ShortWrites
{
    private const int Between = 128;
    private const int FileTooLong = 25; // SIGXFSZ
    private const int Before = 2;

    /// <summary>Runs all limits.</summary>
    /// <param name="background">Whether the program saves on a background thread.</param>
    /// <param name="every">Which of the points: 1 for all, 2 for every second.</param>
    public static int Run(bool background, int every)
    {
        using FaultScene scene = new(Before, background);
        (int Limit, bool IsReserved, bool IsIgnored)[] points =
        [
            .. (from limit in Enumerable.Range(0, scene.LongestFile / Between + 1)
                from isReserved in (bool[])[true, false]
                from isIgnored in (bool[])[true, false]
                select (limit * Between, isReserved, isIgnored)).Where((_, place) => place % every == 0),
        ];
        int cut = 0;
        string[] failures = [.. points.AsParallel().AsOrdered().Select(point =>
        {
            using TemporaryFolder traces = new();
            string trace = traces.File("trace");
            (bool isMissed, string? problem) = scene.Play(point.IsIgnored
                ? null
                : FileTooLong, _ => Limited(trace, point.Limit, point.IsReserved, point.IsIgnored));
            Interlocked.Add(ref cut, File.ReadLines(trace).Count(IsCutShort));
            return isMissed ? $"{point}: it saved everything" : problem is null ? null : $"{point}: {problem}";
        }).OfType<string>()];
        return Verdict.Print(
            string.Create(CultureInfo.InvariantCulture, $"SHORT: {points.Length} points, {cut} writes cut short"),
            failures, "lost a saved checkpoint, left something half-written, or gave another error than the documented one");
    }

    // The runtime begins with a file of 2 GB in memory unless it is told not to keep its code unwritable.
    private static string[] Limited(string trace, int limit, bool isReserved, bool isIgnored) =>
    [
        "strace", "-f", "-o", trace, "-e", "trace=pwrite64,fallocate", .. isReserved
            ? Array.Empty<string>()
            : ["-e", "inject=fallocate:error=EOPNOTSUPP"],
        "env", .. isIgnored ? ["--ignore-signal=XFSZ"] : Array.Empty<string>(), "DOTNET_EnableWriteXorExecute=0",
        "prlimit", string.Create(CultureInfo.InvariantCulture, $"--fsize={limit}"),
    ];

    private static bool IsCutShort(string line) =>
        Write().Match(line) is { Success: true } write
        && int.Parse(write.Groups["taken"].ValueSpan, CultureInfo.InvariantCulture) < int.Parse(write.Groups["asked"].ValueSpan,
            CultureInfo.InvariantCulture);

    [GeneratedRegex(@"pwrite64\(.*, (?<asked>\d+), \d+\) += (?<taken>\d+)$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Write();
}
