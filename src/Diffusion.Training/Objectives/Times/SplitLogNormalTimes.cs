namespace Diffusion.Training;

/// <summary>The logarithm of sigma / alpha is normal with one deviation below its mode and another above.</summary>
internal sealed record SplitLogNormalTimes(double Location, double Below, double Above) : ITimeLaw
{
    public string Description => PartText.Of("split-log-normal", ("location", Location), ("below", Below), ("above", Above));

    public double TimeAt(double quantile, INoiseSchedule schedule)
    {
        double massBelow = Below / (Below + Above);
        double fromMode = quantile < massBelow
            ? Below * NormalQuantile.At(quantile / (2 * massBelow))
            : -Above * NormalQuantile.At((1 - quantile) / (2 * (1 - massBelow)));
        return ScheduleTime.OfSigma(Math.Exp(Location + fromMode), schedule);
    }
}
