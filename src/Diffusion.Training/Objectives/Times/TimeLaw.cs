namespace Diffusion.Training;

/// <summary>
/// The laws of the times that a network is trained on. Options name them by their <see cref="ITimeLaw.Description"/>. Laws of sigma are
/// laws of sigma / alpha, and laws of t those of rectified flow's time; every law works with every schedule. Beyond the ends of the
/// schedule a law gives the ends, and between two timesteps the nearer one.
/// </summary>
public static class TimeLaw
{
    /// <summary>Every time of the schedule is as likely as every other (Ho et al. 2020, algorithm 1): <c>uniform</c>.</summary>
    public static ITimeLaw Uniform { get; } = new UniformTimes();

    /// <summary>t has the density 2 / (pi (1 - 2 t + 2 t^2)) (Esser et al. 2024, section 3.1): <c>cosine-map</c>.</summary>
    public static ITimeLaw CosineMap { get; } = new CosineMapTimes();

    /// <summary>The names that options can use.</summary>
    internal static PartNames<ITimeLaw> Names { get; } = new(
        "time law",
        part => part.Description,
        new("uniform", _ => Uniform),
        new("log-normal", values => LogNormal(values[0], values[1]), ("mean", -1.2), ("deviation", 1.2)),
        new("logit-normal", values => LogitNormal(values[0], values[1]), ("mean", 0), ("deviation", 1)),
        new("mode", values => Mode(values[0]), ("scale", 1.29)),
        new("cosine-map", _ => CosineMap),
        new("cosine-interpolated", values => CosineInterpolated(values[0], values[1], values[2], values[3], values[4], values[5]),
            ("size", 64), ("noise-low", 32), ("noise-high", 64), ("sigma-data", 0.5), ("min", 1e-3), ("max", 1e3)),
        new("log-uniform", values => LogUniform(values[0], values[1]), ("min", 0.002), ("max", 80)),
        new("log-logistic", values => LogLogistic(values[0], values[1], values[2], values[3]),
            ("location", Math.Log(0.5)), ("scale", 0.5), ("min", 1e-3), ("max", 1e3)),
        new("split-log-normal", values => SplitLogNormal(values[0], values[1], values[2]),
            ("location", 0), ("below", 1.2), ("above", 0.8)),
        new("v-diffusion", values => VDiffusion(values[0], values[1], values[2]),
            ("sigma-data", 1), ("min", 0), ("max", double.PositiveInfinity)),
        new("second-moment", values => SecondMoment((int)values[0], (int)values[1], values[2]),
            ("parts", 100), ("history", 10), ("uniform", 0.001)));

    /// <summary>sigma is exp(N(mean, deviation^2)) (Karras et al. 2022, table 1): <c>log-normal(mean: -1.2, deviation: 1.2)</c>.</summary>
    /// <param name="mean">Of ln(sigma). Default -1.2.</param>
    /// <param name="deviation">Its standard deviation, above 0. Default 1.2.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is outside its range.</exception>
    public static ITimeLaw LogNormal(double mean = -1.2, double deviation = 1.2) =>
        new LogNormalTimes(PartRange.Finite(mean, -1.2), PartRange.Positive(deviation, 1.2));

    /// <summary>
    /// The log-odds of t are N(mean, deviation^2) (Esser et al. 2024, section 3.1): <c>logit-normal(mean: 0, deviation: 1)</c>. A mean
    /// above 0 prefers noisy times, as published; scripts after Stable Diffusion 3 reverse it.
    /// </summary>
    /// <param name="mean">Of ln(t / (1 - t)). Default 0.</param>
    /// <param name="deviation">Its standard deviation, above 0. Default 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is outside its range.</exception>
    public static ITimeLaw LogitNormal(double mean = 0, double deviation = 1) =>
        new LogitNormalTimes(PartRange.Finite(mean, 0), PartRange.Positive(deviation, 1));

    /// <summary>
    /// t is 1 - u - scale (cos^2(pi u / 2) - 1 + u) of a uniform u (Esser et al. 2024, equation 20): <c>mode(scale: 1.29)</c>. Above 0 it
    /// prefers the middle, below 0 the ends.
    /// </summary>
    /// <param name="scale">From -1 to 2 / (pi - 2), 1.7519. Default 1.29.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is outside, where the law would not be monotonic.</exception>
    public static ITimeLaw Mode(double scale = 1.29) =>
        new ModeTimes(PartRange.Check(scale is >= -1 and <= 2 / (Math.PI - 2), scale, "from -1 to 1.7519", 1.29));

    /// <summary>
    /// The cosine schedule with uniform times, shifted as if images of <paramref name="size"/> pixels had the noise of
    /// <paramref name="noiseLow"/> pixels at the noisy end and of <paramref name="noiseHigh"/> at the clean one (Hoogeboom et al. 2023,
    /// section 3.1): <c>cosine-interpolated(size: 64, noise-low: 32, noise-high: 64, sigma-data: 0.5, min: 0.001, max: 1000)</c>.
    /// </summary>
    /// <param name="size">Pixels of the images' side, above 0. Default 64.</param>
    /// <param name="noiseLow">Above 0. Default 32.</param>
    /// <param name="noiseHigh">Above 0. Default 64.</param>
    /// <param name="dataDeviation">The standard deviation of the clean images, above 0. Default 0.5.</param>
    /// <param name="minSigma">Above 0. Default 0.001.</param>
    /// <param name="maxSigma">Above <paramref name="minSigma"/>. Default 1000.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is outside its range.</exception>
    public static ITimeLaw CosineInterpolated(double size = 64, double noiseLow = 32, double noiseHigh = 64, double dataDeviation = 0.5,
        double minSigma = 1e-3, double maxSigma = 1e3) => new CosineInterpolatedTimes(
            PartRange.Positive(size, 64), PartRange.Positive(noiseLow, 32), PartRange.Positive(noiseHigh, 64),
            PartRange.Positive(dataDeviation, 0.5), PartRange.Positive(minSigma, 1e-3), Above(minSigma, maxSigma, 1e3));

    /// <summary>ln(sigma) is uniform: <c>log-uniform(min: 0.002, max: 80)</c>.</summary>
    /// <param name="minSigma">Above 0. Default 0.002.</param>
    /// <param name="maxSigma">Above <paramref name="minSigma"/>. Default 80.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is outside its range.</exception>
    public static ITimeLaw LogUniform(double minSigma = 0.002, double maxSigma = 80) =>
        new LogUniformTimes(PartRange.Positive(minSigma, 0.002), Above(minSigma, maxSigma, 80));

    /// <summary>
    /// ln(sigma) is logistic, cut off at two ends: <c>log-logistic(location: -0.693, scale: 0.5, min: 0.001, max: 1000)</c>.
    /// </summary>
    /// <param name="location">The median of ln(sigma). Default ln(0.5).</param>
    /// <param name="scale">Above 0. Default 0.5.</param>
    /// <param name="minSigma">Above 0. Default 0.001.</param>
    /// <param name="maxSigma">Above <paramref name="minSigma"/>. Default 1000.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is outside its range.</exception>
    public static ITimeLaw LogLogistic(double? location = null, double scale = 0.5, double minSigma = 1e-3, double maxSigma = 1e3) =>
        new LogLogisticTimes(PartRange.Finite(location ?? Math.Log(0.5), 0, nameof(location)), PartRange.Positive(scale, 0.5),
            PartRange.Positive(minSigma, 1e-3), Above(minSigma, maxSigma, 1e3));

    /// <summary>
    /// ln(sigma) is normal with one deviation below its mode and another above: <c>split-log-normal(location: 0, below: 1.2, above:
    /// 0.8)</c>.
    /// </summary>
    /// <param name="location">The mode of ln(sigma). Default 0.</param>
    /// <param name="below">The standard deviation below, above 0. Default 1.2.</param>
    /// <param name="above">The standard deviation above, above 0. Default 0.8.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is outside its range.</exception>
    public static ITimeLaw SplitLogNormal(double location = 0, double below = 1.2, double above = 0.8) =>
        new SplitLogNormalTimes(PartRange.Finite(location, 0), PartRange.Positive(below, 1.2), PartRange.Positive(above, 0.8));

    /// <summary>
    /// sigma is sigma_data tan(angle) of a uniform angle, as the cosine schedule has it (Salimans and Ho 2022):
    /// <c>v-diffusion(sigma-data: 1, min: 0, max: Infinity)</c>.
    /// </summary>
    /// <param name="dataDeviation">The standard deviation of the clean images, above 0. Default 1.</param>
    /// <param name="minSigma">0 or more. Default 0.</param>
    /// <param name="maxSigma">Above <paramref name="minSigma"/>. Default infinite.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is outside its range.</exception>
    public static ITimeLaw VDiffusion(double dataDeviation = 1, double minSigma = 0, double maxSigma = double.PositiveInfinity) =>
        new VDiffusionTimes(PartRange.Positive(dataDeviation, 1), PartRange.Check(minSigma >= 0, minSigma, "0 or more", 0),
            Above(minSigma, maxSigma, double.PositiveInfinity));

    /// <summary>
    /// Uniform times at first; then parts of the times are drawn in proportion to the root mean square of their last losses, which are
    /// divided by that proportion (Nichol and Dhariwal 2021, section 3.3): <c>second-moment(parts: 100, history: 10, uniform: 0.001)</c>.
    /// For the variational bound. Each step waits for the device.
    /// </summary>
    /// <param name="parts">Equal parts of the times, 2 to 4000. Default 100.</param>
    /// <param name="history">Losses that are remembered of each part, 1 to 1000. Default 10.</param>
    /// <param name="uniform">The fraction of draws that stays uniform, above 0, at most 1. Default 0.001.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is outside its range.</exception>
    public static ITimeLaw SecondMoment(int parts = 100, int history = 10, double uniform = 0.001) => new SecondMomentTimes(
        (int)PartRange.Check(parts is >= 2 and <= 4000, parts, "in 2..4000", 100),
        (int)PartRange.Check(history is >= 1 and <= 1000, history, "in 1..1000", 10),
        PartRange.Check(uniform is > 0 and <= 1, uniform, "above 0 and at most 1", 0.001));

    /// <summary>The noise level below which a fraction of all levels that are trained on lies.</summary>
    /// <param name="law">The law.</param>
    /// <param name="quantile">The fraction, in [0, 1).</param>
    /// <param name="schedule">The schedule.</param>
    /// <exception cref="InvalidOperationException">The law gives a time between two timesteps of a discrete schedule.</exception>
    public static NoiseLevel LevelAt(this ITimeLaw law, double quantile, INoiseSchedule schedule)
    {
        ArgumentNullException.ThrowIfNull(law);
        ArgumentNullException.ThrowIfNull(schedule);
        double time = law.TimeAt(quantile, schedule);
        return schedule is DiscreteSchedule && !double.IsInteger(time)
            ? throw new InvalidOperationException(
                $"The time law {law.Description} gives time {time} of {schedule.Description}, but a network is trained at whole timesteps. "
                    + "Round it in the law.")
            : schedule.At(time);
    }

    private static double Above(double minSigma, double maxSigma, double usual) =>
        PartRange.Check(maxSigma > minSigma, maxSigma, "above minSigma", usual);
}
