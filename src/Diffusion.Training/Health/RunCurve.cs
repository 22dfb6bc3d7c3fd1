namespace Diffusion.Training;

/// <summary>A whole run in a few windows of equal length, however long it is: when they are many, each two become one.</summary>
internal sealed class RunCurve
{
    private const int Max = 240;

    private readonly List<TrainingProgress> windows = [];
    private TrainingProgress? unfinished;
    private long reportsPerWindow = 1;
    private long reportsInUnfinished;

    /// <summary>The windows, oldest first.</summary>
    public IReadOnlyList<TrainingProgress> Windows => windows;

    /// <summary>Takes the next report with a loss.</summary>
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
        if (windows.Count == Max)
        {
            TrainingProgress[] joined = [.. windows.Chunk(2).Select(pair => ReportWindow.Join(pair[0], pair[1]))];
            windows.Clear();
            windows.AddRange(joined);
            reportsPerWindow *= 2;
        }
    }
}
