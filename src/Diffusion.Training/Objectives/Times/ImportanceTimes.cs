namespace Diffusion.Training;

/// <summary>Uniform times, but equal parts of them drawn with different probabilities.</summary>
/// <param name="probabilities">The probability of each part; they add up to 1.</param>
internal sealed class ImportanceTimes(IReadOnlyList<double> probabilities) : ITimeLaw
{
    private const double LastQuantile = 1 - (1.0 / (1L << 53));

    private readonly double[] cumulative = CumulativeOf(probabilities);

    public string Description => $"importance({Parts} parts)";

    private int Parts => cumulative.Length - 1;

    /// <summary>The part of a time.</summary>
    public static int PartOf(NoiseLevel level, INoiseSchedule schedule, int parts)
    {
        (double from, double to) = QuantilesOf(level, schedule);
        return Math.Clamp((int)((from + to) / 2 * parts), 0, parts - 1);
    }

    public double TimeAt(double quantile, INoiseSchedule schedule)
    {
        int part = Array.BinarySearch(cumulative, quantile);
        part = Math.Clamp(part < 0 ? ~part - 1 : part, 0, Parts - 1);
        double within = (quantile - cumulative[part]) / (cumulative[part + 1] - cumulative[part]);
        return TimeLaw.Uniform.TimeAt(Math.Min((part + within) / Parts, LastQuantile), schedule);
    }

    /// <summary>
    /// The factor of a loss at a drawn level, one over how many times as likely it is as with uniform times, so that the mean stays that of
    /// uniform times.
    /// </summary>
    public double WeightOf(NoiseLevel level, INoiseSchedule schedule)
    {
        (double from, double to) = QuantilesOf(level, schedule);
        if (from == to)
        {
            int part = PartOf(level, schedule, Parts);
            (from, to) = ((double)part / Parts, (part + 1.0) / Parts);
        }

        return (to - from) / (FractionBelow(to) - FractionBelow(from));
    }

    // The quantiles of the uniform law that have this time.
    private static (double From, double To) QuantilesOf(NoiseLevel level, INoiseSchedule schedule)
    {
        if (schedule is DiscreteSchedule discrete)
        {
            return (level.Time / discrete.Timesteps, (level.Time + 1) / discrete.Timesteps);
        }

        double quantile = (level.Time - schedule.FirstTime) / (schedule.LastTime - schedule.FirstTime);
        return (quantile, quantile);
    }

    private static double[] CumulativeOf(IReadOnlyList<double> probabilities)
    {
        double sum = 0;
        return [0, .. probabilities.SkipLast(1).Select(probability => sum += probability), 1];
    }

    private double FractionBelow(double quantile)
    {
        int part = Math.Min((int)(quantile * Parts), Parts - 1);
        return cumulative[part] + (((quantile * Parts) - part) * (cumulative[part + 1] - cumulative[part]));
    }
}
