namespace Diffusion.Training;

/// <summary>The flow time is 1 - u - scale (cos^2(pi u / 2) - 1 + u) of a uniform u, which falls as u grows.</summary>
internal sealed record ModeTimes(double Scale) : ITimeLaw
{
    public string Description => PartText.Of("mode", ("scale", Scale));

    public double TimeAt(double quantile, INoiseSchedule schedule)
    {
        // With q = 1 - u, cos^2(pi u / 2) is sin^2(pi q / 2).
        double sine = Math.Sin(Math.PI * quantile / 2);
        return ScheduleTime.OfFlowTime(quantile - (Scale * ((sine * sine) - quantile)), schedule);
    }
}
