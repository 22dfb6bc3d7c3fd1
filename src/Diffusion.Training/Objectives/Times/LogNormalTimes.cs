namespace Diffusion.Training;

/// <summary>sigma / alpha is log-normal.</summary>
internal sealed record LogNormalTimes(double Mean, double Deviation) : ITimeLaw
{
    public string Description => PartText.Of("log-normal", ("mean", Mean), ("deviation", Deviation));

    public double TimeAt(double quantile, INoiseSchedule schedule) =>
        ScheduleTime.OfSigma(Math.Exp(Mean + (Deviation * NormalQuantile.At(quantile))), schedule);
}
