namespace Diffusion.Training;

/// <summary>The time that steps take, with what interrupts them: the same for a plan and for a run that is under way.</summary>
/// <param name="Step">The time of one training step.</param>
/// <param name="Pauses">What is done beside.</param>
internal sealed record RunTime(TimeSpan Step, IReadOnlyList<PeriodicCost> Pauses)
{
    /// <summary>A time in seconds, or the longest there is.</summary>
    public static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(Math.Min(seconds, TimeSpan.MaxValue.TotalSeconds / 2));

    /// <summary>How long the steps after one step take, up to and with another.</summary>
    /// <param name="from">Steps made.</param>
    /// <param name="to">Steps to make in all.</param>
    /// <param name="isEnd">Whether that is the last step of the run.</param>
    public TimeSpan Between(long from, long to, bool isEnd)
    {
        if (to <= from)
        {
            return TimeSpan.Zero;
        }

        double seconds = (to - from) * Step.TotalSeconds;
        foreach (PeriodicCost pause in Pauses)
        {
            bool once = isEnd && pause.AlsoAtEnd && to % pause.EverySteps != 0;
            seconds += ((to / pause.EverySteps) - (from / pause.EverySteps) + (once ? 1 : 0)) * pause.Time.TotalSeconds;
        }

        return Seconds(seconds);
    }

    /// <summary>The steps that begin within a time, at least one.</summary>
    /// <param name="time">It.</param>
    public long StepsWithin(TimeSpan time)
    {
        double perStep = Step.TotalSeconds + Pauses.Sum(pause => pause.Time.TotalSeconds / pause.EverySteps);
        double steps = Math.Ceiling(Math.Round(time.TotalSeconds / Math.Max(1e-9, perStep), 6));
        return (long)Math.Clamp(steps, 1, long.MaxValue / 2);
    }
}
