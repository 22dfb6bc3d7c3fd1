namespace Diffusion.Sampling;

/// <summary>Levels of a schedule, for grids.</summary>
internal static class GridLevel
{
    /// <summary>
    /// The fraction of time at which rectified flow begins: no network is trained at a time of exactly 0, and its usual grids use a
    /// thousandth.
    /// </summary>
    private const double FirstFraction = 1e-3;

    /// <summary>The level with the least noise at which a network is trained.</summary>
    public static NoiseLevel First(INoiseSchedule schedule)
    {
        NoiseLevel first = schedule.At(schedule.FirstTime);
        return first.Sigma > 0
            ? first
            : schedule.At(schedule.FirstTime + (FirstFraction * (schedule.LastTime - schedule.FirstTime)));
    }

    /// <summary>The level with a ratio sigma / alpha: 0 for the clean image, infinite for pure noise.</summary>
    public static NoiseLevel WithRatio(INoiseSchedule schedule, double ratio) => ratio switch
    {
        0 => NoiseLevel.Clean,
        double.PositiveInfinity => schedule.At(schedule.LastTime),
        _ => schedule.WithHalfLogSnr(-Math.Log(ratio)),
    };
}
