namespace Diffusion.Training;

/// <summary>The logarithm of sigma / alpha is uniform.</summary>
internal sealed record LogUniformTimes(double Min, double Max) : ITimeLaw
{
    public string Description => PartText.Of("log-uniform", ("min", Min), ("max", Max));

    public double TimeAt(double quantile, INoiseSchedule schedule) =>
        ScheduleTime.OfSigma(Min * Math.Pow(Max / Min, quantile), schedule);
}
