namespace Diffusion.Training;

/// <summary>The logarithm of sigma / alpha is logistic, cut off at two ends.</summary>
internal sealed record LogLogisticTimes(double Location, double Scale, double Min, double Max) : ITimeLaw
{
    public string Description =>
        PartText.Of("log-logistic", ("location", Location), ("scale", Scale), ("min", Min), ("max", Max));

    public double TimeAt(double quantile, INoiseSchedule schedule)
    {
        (double low, double high) = (Cumulative(Min), Cumulative(Max));
        double fraction = low + (quantile * (high - low));
        double logOdds = Math.Log(fraction) - Math.Log(1 - fraction);
        return ScheduleTime.OfSigma(Math.Exp(Location + (Scale * logOdds)), schedule);
    }

    private double Cumulative(double sigma) => 1 / (1 + Math.Exp((Location - Math.Log(sigma)) / Scale));
}
