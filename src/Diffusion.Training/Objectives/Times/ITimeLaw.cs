namespace Diffusion.Training;

/// <summary>
/// Which times a network is trained on, as a quantile function: a draw is the time at a uniform number. So draws need no state, and numbers
/// spread evenly over [0, 1) give times spread by the law.
/// </summary>
public interface ITimeLaw
{
    /// <summary>Name and parameters in one line, saved in checkpoints.</summary>
    string Description { get; }

    /// <summary>The time below which a fraction of all draws lies.</summary>
    /// <param name="quantile">The fraction, in [0, 1).</param>
    /// <param name="schedule">The schedule whose time it is.</param>
    /// <returns>A time of the schedule; a whole one where the schedule is discrete.</returns>
    double TimeAt(double quantile, INoiseSchedule schedule);
}
