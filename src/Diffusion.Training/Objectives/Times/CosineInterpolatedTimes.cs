namespace Diffusion.Training;

/// <summary>
/// The cosine schedule with uniform times, shifted as if images of one resolution had the noise of another: the shift goes from one
/// resolution at the noisy end to another at the clean end.
/// </summary>
internal sealed record CosineInterpolatedTimes(
    double Size, double NoiseLow, double NoiseHigh, double DataDeviation, double Min, double Max) : ITimeLaw
{
    public string Description => PartText.Of("cosine-interpolated", ("size", Size), ("noise-low", NoiseLow), ("noise-high", NoiseHigh),
        ("sigma-data", DataDeviation), ("min", Min), ("max", Max));

    public double TimeAt(double quantile, INoiseSchedule schedule)
    {
        double fromNoise = 1 - quantile;
        double halfLogSnr = ((1 - fromNoise) * Shifted(NoiseLow, fromNoise)) + (fromNoise * Shifted(NoiseHigh, fromNoise));
        return ScheduleTime.OfSigma(DataDeviation * Math.Exp(-halfLogSnr), schedule);
    }

    // log(sigma_data / sigma): 0 is the noisy end, 1 the clean one.
    private double Shifted(double noise, double fromNoise)
    {
        double shift = Math.Log(noise / Size);
        double first = Math.Atan(Max / DataDeviation * (noise / Size));
        double last = Math.Atan(Min / DataDeviation * (noise / Size));
        return shift - Math.Log(Math.Tan(first + (fromNoise * (last - first))));
    }
}
