using System.Globalization;

namespace Diffusion.Benchmarks;

/// <summary>Kills a program that saves, or lets a system call fail, at every call that changes a file, and checks what is left.</summary>
internal static class FaultSweep
{
    /// <summary>The kind of fault that is not a system error.</summary>
    public const string Kill = "KILL";

    private const int KillNumber = 9;

    /// <summary>Runs all faults.</summary>
    /// <param name="kinds">The kinds of faults.</param>
    /// <param name="background">
    /// Whether the program saves on a background thread. Then it starts with each of the checkpoints in turn, and its first save is
    /// disturbed.
    /// </param>
    /// <param name="every">Which of the calls: 1 for all, 2 for every second.</param>
    public static int Run(IReadOnlyList<string> kinds, bool background, int every)
    {
        FaultScene[] scenes = [.. Enumerable.Range(0, background ? SaveSamplesCommand.Steps.Count : 1)
            .Select(before => new FaultScene(before, background))];
        try
        {
            (FaultScene Scene, SystemCall Call)[] points = [.. scenes.SelectMany(scene => scene.Calls().Select(call => (scene, call)))
                .Where((_, place) => place % every == 0)];
            IEnumerable<string> counts = points.CountBy(point => point.Call.Name).Select(name => $"{name.Value} {name.Key}");
            Console.WriteLine($"{points.Length} calls: {string.Join(", ", counts)}");
            return kinds.Max(kind => Sweep(kind, points));
        }
        finally
        {
            Array.ForEach(scenes, scene => scene.Dispose());
        }
    }

    private static int Sweep(string kind, (FaultScene Scene, SystemCall Call)[] points)
    {
        (string Call, bool IsMissed, string? Problem)[] ends = [.. points.AsParallel().AsOrdered().Select(point =>
        {
            (bool isMissed, string? problem) = point.Scene.Play(
                kind == Kill ? KillNumber : null,
                folder => SystemCalls.Disturbing(point.Call, kind == Kill ? $"signal={Kill}" : $"error={kind}", folder));
            return (point.Call.Text, isMissed, kind == Kill && isMissed ? "it was not killed" : problem);
        })];
        return Verdict.Print(
            $"{kind}: {points.Length} points, {ends.Count(end => end.IsMissed)} of them without effect",
            [.. ends.Where(end => end.Problem is not null).Select(end => $"{end.Call}: {end.Problem}")],
            "lost a saved checkpoint, left something half-written, or gave another error than the documented one");
    }
}
