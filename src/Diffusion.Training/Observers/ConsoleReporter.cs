namespace Diffusion.Training;

/// <summary>
/// Prints where a run stands, in plain lines that also suit a file: step, loss, learning rate, images per second and time left; and
/// everything that is wrong with the run, as it comes.
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

    /// <summary>Prints from the first report on.</summary>
    /// <param name="every">
    /// The least time between two lines of progress; a report that comes sooner is passed over, but for the last and for what is wrong.
    /// Null, the default, for 10 seconds. There is no more than one line per report: <see cref="TrainingOptions.ReportEverySteps"/> says
    /// how often these come.
    /// </param>
    /// <param name="output">Where to print. Null, the default, for <see cref="Console.Out"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">The time is negative.</exception>
    public ConsoleReporter(TimeSpan? every = null, TextWriter? output = null)
    {
        this.every = every ?? TimeSpan.FromSeconds(10);
        ArgumentOutOfRangeException.ThrowIfLessThan(this.every, TimeSpan.Zero, nameof(every));
        this.output = output;
    }

#pragma warning disable RS0030 // The library never writes to the console by itself: this class is asked for by name.
    private TextWriter Output => output ?? Console.Out;
#pragma warning restore RS0030

    /// <summary>Prints a line of progress where one is due, and what is wrong since this report.</summary>
    public void Report(TrainingProgress value)
    {
        ArgumentNullException.ThrowIfNull(value);
        bool isDue = last is not { } before || value.Elapsed < before
            || value.Elapsed - before >= every; // a second call of Run begins at 0 again
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

    /// <summary>Prints what is wrong, unless its report has said it: only what is found after the last report comes here alone.</summary>
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
        string bad = value.BadImages > 0 ? Text($"  bad images {value.BadImages:N0}") : string.Empty;
        return Text(
            $"step {value.Step:N0}/{value.Steps:N0}  loss {value.Loss:F4}{heldOut}  rate {value.LearningRate:0.##e-0}{skipped}{bad}  ")
            + Text($"{value.ImagesPerSecond:#,0.#} images/s  {TimeText.Of(value.Remaining)} left");
    }

    private static string Text(InvariantText text) => text.ToString();
}
