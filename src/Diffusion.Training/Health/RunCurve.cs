namespace Diffusion.Training;

/// <summary>
/// A complete run in a limited number of windows of equal length. When the limit is reached, pairs of windows are joined.
/// </summary>
internal sealed class RunCurve
{
    private const int MaxWindows = 240;

    private readonly List<TrainingProgress> windows = [];
    private TrainingProgress? unfinished;
    private long reportsPerWindow = 1;
    private long reportsInUnfinished;

    /// <summary>The windows, oldest first.</summary>
    public IReadOnlyList<TrainingProgress> Windows => windows;

    /// <summary>Adds the next report that has a loss.</summary>
    public void Add(TrainingProgress report)
    {
        unfinished = unfinished is null ? report : ReportWindow.Join(unfinished, report);
        if (++reportsInUnfinished < reportsPerWindow)
        {
            return;
        }

        windows.Add(unfinished);
        unfinished = null;
        reportsInUnfinished = 0;
        if (windows.Count == MaxWindows)
        {
            TrainingProgress[] joined = [.. windows.Chunk(2).Select(pair => ReportWindow.Join(pair[0], pair[1]))];
            windows.Clear();
            windows.AddRange(joined);
            reportsPerWindow *= 2;
        }
    }
}
