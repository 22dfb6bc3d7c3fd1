namespace Diffusion.Training;

/// <summary>The time that steps take, with what interrupts them: the same for a plan and for a run that is under way.</summary>
/// <param name="Step">The time of one training step.</param>
/// <param name="Pauses">What is done every so many steps, and how long it takes each time.</param>
internal sealed record RunTime(TimeSpan Step, IReadOnlyList<(long EverySteps, TimeSpan Time)> Pauses)
{
    /// <summary>How long the steps after one step take, up to and with another.</summary>
    /// <param name="from">Steps made.</param>
    /// <param name="to">Steps to make in all.</param>
    public TimeSpan Between(long from, long to)
    {
        if (to <= from)
        {
            return TimeSpan.Zero;
        }

        double seconds = (to - from) * Step.TotalSeconds;
        foreach ((long everySteps, TimeSpan time) in Pauses)
        {
            seconds += ((to / everySteps) - (from / everySteps)) * time.TotalSeconds;
        }

        return TimeSpan.FromSeconds(Math.Min(seconds, TimeSpan.MaxValue.TotalSeconds / 2));
    }

    /// <summary>The most steps that fit into a time.</summary>
    /// <param name="time">It.</param>
    public long StepsWithin(TimeSpan time)
    {
        double perStep = Step.TotalSeconds + Pauses.Sum(pause => pause.Time.TotalSeconds / pause.EverySteps);
        return (long)Math.Clamp(time.TotalSeconds / Math.Max(1e-9, perStep), 0, long.MaxValue / 2);
    }
}
