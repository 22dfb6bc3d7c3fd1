namespace Diffusion.Training;

/// <summary>The time laws that options can name.</summary>
public static class TimeLaw
{
    /// <summary>Every time is as likely as every other (Ho et al. 2020, algorithm 1).</summary>
    public static ITimeLaw Uniform { get; } = new UniformTimes();

    /// <summary>Finds a law by its description; null where options cannot name it.</summary>
    internal static ITimeLaw? Named(string description) => new[] { Uniform }.FirstOrDefault(known => known.Description == description);

    /// <summary>The noise level below which a fraction of all levels that are trained on lies.</summary>
    /// <param name="law">The law.</param>
    /// <param name="quantile">The fraction, in [0, 1).</param>
    /// <param name="schedule">The schedule.</param>
    /// <exception cref="InvalidOperationException">The law gives a time between two timesteps of a discrete schedule.</exception>
    public static NoiseLevel LevelAt(this ITimeLaw law, double quantile, INoiseSchedule schedule)
    {
        ArgumentNullException.ThrowIfNull(law);
        ArgumentNullException.ThrowIfNull(schedule);
        double time = law.TimeAt(quantile, schedule);
        return schedule is DiscreteSchedule && !double.IsInteger(time)
            ? throw new InvalidOperationException(
                $"The time law {law.Description} gives time {time} of {schedule.Description}, but a network is trained at whole timesteps. "
                    + "Round it in the law.")
            : schedule.At(time);
    }
}
