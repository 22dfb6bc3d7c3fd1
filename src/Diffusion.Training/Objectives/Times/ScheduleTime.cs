namespace Diffusion.Training;

/// <summary>
/// The times of noise levels in a schedule: beyond the ends of the schedule its ends, and between two timesteps the nearer one.
/// </summary>
internal static class ScheduleTime
{
    /// <summary>The time at which sigma / alpha is a number.</summary>
    public static double OfSigma(double sigma, INoiseSchedule schedule) => OfHalfLogSnr(-Math.Log(sigma), schedule);

    /// <summary>
    /// The time of rectified flow's time t: on a rectified-flow schedule t itself, before any shift; on any other the time at which
    /// sigma / (alpha + sigma) is t.
    /// </summary>
    public static double OfFlowTime(double t, INoiseSchedule schedule) =>
        schedule is FlowSchedule
            ? Math.Clamp(t, 0, 1)
            : OfHalfLogSnr(Math.Log(1 - Math.Clamp(t, 0, 1)) - Math.Log(Math.Clamp(t, 0, 1)), schedule);

    private static double OfHalfLogSnr(double halfLogSnr, INoiseSchedule schedule)
    {
        double time = schedule.TimeOf(halfLogSnr);
        return schedule is DiscreteSchedule ? Math.Round(time) : time;
    }
}
