namespace Diffusion.Training;

/// <summary>sigma / alpha is sigma_data tan(angle) of a uniform angle, between two ends.</summary>
internal sealed record VDiffusionTimes(double DataDeviation, double Min, double Max) : ITimeLaw
{
    public string Description => PartText.Of("v-diffusion", ("sigma-data", DataDeviation), ("min", Min), ("max", Max));

    public double TimeAt(double quantile, INoiseSchedule schedule)
    {
        (double first, double last) = (Math.Atan(Min / DataDeviation), Math.Atan(Max / DataDeviation));
        return ScheduleTime.OfSigma(DataDeviation * Math.Tan(first + (quantile * (last - first))), schedule);
    }
}
