using Diffusion.Reporting;

namespace Diffusion.Tool.Viewing;

/// <summary>The losses of several runs in one plot.</summary>
internal static class ComparisonPlot
{
    /// <summary>The maximum number of runs in the plot, which has as many colors.</summary>
    public const int MaxRuns = 10;

    /// <summary>Draws the smoothed losses of the first ten runs whose files can be read.</summary>
    /// <returns>A PNG file.</returns>
    public static byte[] Png(IEnumerable<ViewedRun> runs) => LossComparison.Png(
        [.. runs.Select(run => (run.Name, Losses: LossesOf(run))).Where(run => run.Losses is not null).Take(MaxRuns)
            .Select(run => (run.Name, run.Losses!))]);

    private static LossCurve? LossesOf(ViewedRun run)
    {
        try
        {
            return run.Read(record => RunPlots.LossOf(record.Metrics));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
