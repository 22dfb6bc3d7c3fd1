using Diffusion.Reporting;

namespace Diffusion.Tool.Viewing;

/// <summary>The losses of several runs in one plot.</summary>
internal static class ComparisonPlot
{
    /// <summary>The maximum number of runs in the plot.</summary>
    public const int MaxRuns = 12;

    /// <summary>Draws the smoothed losses of up to twelve runs.</summary>
    /// <returns>A PNG file.</returns>
    public static byte[] Png(IEnumerable<ViewedRun> runs) => LossComparison.Png(
        [.. runs.Take(MaxRuns).Select(run => (run.Name, run.Read(record => RunPlots.LossOf(record.Metrics))))]);
}
