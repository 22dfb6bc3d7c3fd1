namespace Diffusion.Training;

/// <summary>
/// Prints the progress of a run as plain lines that also suit a log file: step, loss, learning rate, images per second and remaining time.
/// It also prints every health finding.
/// </summary>
/// <example>
/// <code>
/// trainerBuilder.ReportTo(new ConsoleReporter());
/// </code>
/// </example>
public sealed class ConsoleReporter : IProgress<TrainingProgress>, IProgress<HealthFinding>
{
    private readonly TimeSpan every;
    private readonly TextWriter? output;
    private IReadOnlyList<HealthFinding> printed = [];
    private TimeSpan? last;

    /// <summary>Creates a reporter.</summary>
    /// <param name="every">
    /// The minimum time between two lines of progress. Reports in between are skipped, except the last one; health findings are always
    /// printed. Null, the default, for 10 seconds. There is at most one line per report; <see cref="TrainingOptions.ReportEverySteps"/>
    /// sets how often reports come.
    /// </param>
    /// <param name="output">The writer to print to. Null, the default, for <see cref="Console.Out"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">The time is negative.</exception>
    public ConsoleReporter(TimeSpan? every = null, TextWriter? output = null)
    {
        this.every = every ?? TimeSpan.FromSeconds(10);
        ArgumentOutOfRangeException.ThrowIfLessThan(this.every, TimeSpan.Zero, nameof(every));
        this.output = output;
    }

#pragma warning disable RS0030 // The library never writes to the console on its own. The user chooses this class explicitly.
    private TextWriter Output => output ?? Console.Out;
#pragma warning restore RS0030

    /// <summary>Prints a line of progress if one is due, and the new findings of the report.</summary>
    public void Report(TrainingProgress value)
    {
        ArgumentNullException.ThrowIfNull(value);
        bool isDue = last is not { } before || value.Elapsed < before
            || value.Elapsed - before >= every; // a second call of Run starts at 0
        if (isDue || value.Step == value.Steps)
        {
            Output.WriteLine(Line(value));
            last = value.Elapsed;
        }

        foreach (HealthFinding finding in value.Findings)
        {
            Output.WriteLine(finding);
        }

        printed = value.Findings;
    }

    /// <summary>
    /// Prints a finding, unless it was already printed with its report. Findings after the last report come only to this method.
    /// </summary>
    public void Report(HealthFinding value)
    {
        if (!printed.Contains(value))
        {
            Output.WriteLine(value);
        }
    }

    private static string Line(TrainingProgress value)
    {
        string heldOut = value.HeldOutLoss is { } loss ? Text($"  held out {loss:F4}") : string.Empty;
        string skipped = value.SkippedSteps > 0 ? Text($"  skipped {value.SkippedSteps:N0}") : string.Empty;
        string overflowed = value.OverflowedSteps > 0 ? Text($"  overflowed {value.OverflowedSteps:N0}") : string.Empty;
        string bad = value.BadImages > 0 ? Text($"  bad images {value.BadImages:N0}") : string.Empty;
        return Text(
            $"step {value.Step:N0}/{value.Steps:N0}  loss {value.Loss:F4}{heldOut}  rate {value.LearningRate:0.##e-0}")
            + Text($"{skipped}{overflowed}{bad}  ")
            + Text($"{value.ImagesPerSecond:#,0.#} images/s  {TimeText.Of(value.Remaining)} left");
    }

    private static string Text(InvariantText text) => text.ToString();
}
