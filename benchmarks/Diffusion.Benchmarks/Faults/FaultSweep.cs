using System.Globalization;

namespace Diffusion.Benchmarks;

/// <summary>Kills a program that saves, or makes the system refuse it, at every call that changes a file, and looks what is left.</summary>
internal static class FaultSweep
{
    /// <summary>The kind that is no error of the system.</summary>
    public const string Kill = "KILL";

    private const int KillNumber = 9;

    /// <summary>Does it.</summary>
    /// <param name="kinds">The kinds of faults.</param>
    /// <param name="background">
    /// Whether the program saves on a thread of its own. Then it begins with each of the checkpoints in turn, and its first save is
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
            Console.WriteLine(
                $"{points.Length} calls: {string.Join(", ", points.CountBy(point => point.Call.Name).Select(name => $"{name.Value} {name.Key}"))}");
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
            "left less than was promised, something half-written, or another error than the declared one");
    }
}
