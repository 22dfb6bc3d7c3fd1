namespace Diffusion.Training;

/// <summary>Every time of a schedule is as likely as every other.</summary>
internal sealed class UniformTimes : ITimeLaw
{
    public string Description => "uniform";

    public double TimeAt(double quantile, INoiseSchedule schedule) => schedule is DiscreteSchedule discrete
        ? (long)(quantile * discrete.Timesteps)
        : schedule.FirstTime + (quantile * (schedule.LastTime - schedule.FirstTime));
}
