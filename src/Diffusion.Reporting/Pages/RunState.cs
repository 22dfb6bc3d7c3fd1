using System.Globalization;

namespace Diffusion.Reporting;

/// <summary>The state of a run in one line.</summary>
internal static class RunState
{
    /// <summary>The text.</summary>
    public static string Text(RunRecord run)
    {
        string heard = run.LastHeard is { } time ? $", last report {Time(time)}" : string.Empty;
        return run.Ending switch
        {
            null when IsAtEnd(run) => $"Completed{heard}",
            null => $"No end is known: it is running, or was ended from outside{heard}",
            { Error: not null } ending => $"Ended with an error {Time(ending.At)}",
            { } ending => $"{ending.Reason} {Time(ending.At)}",
        };
    }

    /// <summary>The class of the style: <c>running</c>, <c>done</c> or <c>bad</c>.</summary>
    public static string Class(RunRecord run) => run.Ending switch
    {
        null when IsAtEnd(run) => "done",
        null => "running",
        { Error: not null } => "bad",
        _ => "done",
    };

    // A run that was trained without a page says no end, but its last report is of its last step.
    private static bool IsAtEnd(RunRecord run) => run.Metrics.Last is { } last && last.Step >= last.Steps;

    /// <summary>A time in UTC.</summary>
    public static string Time(DateTimeOffset time) =>
        time.ToUniversalTime().ToString("yyyy-MM-dd HH:mm:ss 'UTC'", CultureInfo.InvariantCulture);
}
