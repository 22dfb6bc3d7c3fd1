namespace Diffusion;

/// <summary>
/// A schedule of T timesteps (Ho et al. 2020): a network is trained at the integers 0 to T-1. Between them, where solvers evaluate the
/// network at fractional times, sigma / alpha is linear in the time.
/// </summary>
public sealed class DiscreteSchedule : INoiseSchedule
{
    /// <summary>The minimum number of listed timesteps: networks were trained with fewer than a named schedule has.</summary>
    internal const int MinTimesteps = 2;

    private readonly double[]? betas;
    private readonly NoiseLevel[] levels;
    private readonly double[] logRatios;

    /// <summary>A variance-preserving schedule of betas: alpha-bar[t] is the product of 1 - beta[0..t] (equation 2).</summary>
    /// <param name="betas">The variance added at each timestep, each in (0, 1); 2 to 4000 of them.</param>
    /// <param name="description">Name and parameters in one line.</param>
    /// <exception cref="ArgumentOutOfRangeException">The number of timesteps is outside 2..4000.</exception>
    /// <exception cref="ArgumentException">A beta is outside (0, 1).</exception>
    public DiscreteSchedule(IReadOnlyList<double> betas, string description)
        : this(LevelsOf(betas), description)
    {
        this.betas = [.. betas];
    }

    /// <summary>A schedule of any levels, such as one that ends in pure noise.</summary>
    /// <param name="levels">
    /// The level of each timestep, noisier from one to the next; 2 to 4000 of them. Their times are set to 0, 1, 2 and so on.
    /// </param>
    /// <param name="description">Name and parameters in one line.</param>
    /// <exception cref="ArgumentOutOfRangeException">The number of timesteps is outside 2..4000.</exception>
    /// <exception cref="ArgumentException">A level is not noisier than the one before it, or not finite.</exception>
    public DiscreteSchedule(IReadOnlyList<NoiseLevel> levels, string description)
    {
        ArgumentNullException.ThrowIfNull(levels);
        ArgumentNullException.ThrowIfNull(description);
        CheckLength(levels.Count, nameof(levels));
        for (int t = 0; t < levels.Count; t++)
        {
            NoiseLevel level = levels[t];
            if (level is not { Alpha: >= 0, Sigma: > 0 } || !double.IsFinite(level.Alpha) || !double.IsFinite(level.Sigma)
                || (t > 0 && !(level.Ratio > levels[t - 1].Ratio)))
            {
                throw new ArgumentException(
                    $"Timestep {t} has alpha {level.Alpha} and sigma {level.Sigma}, but sigma must be above 0, alpha at least 0, and "
                    + "sigma / alpha must grow from each timestep to the next.", nameof(levels));
            }
        }

        this.levels = [.. levels.Select((level, t) => level with { Time = t })];
        logRatios = [.. levels.Select(level => -level.HalfLogSnr)];
        Description = description;
    }

    /// <summary>The number of timesteps T; a timestep is an integer in [0, T-1].</summary>
    public int Timesteps => levels.Length;

    /// <summary>The variance added at each timestep; null for a schedule without betas.</summary>
    public IReadOnlyList<double>? Betas => betas;

    /// <inheritdoc/>
    public double FirstTime => 0;

    /// <inheritdoc/>
    public double LastTime => levels.Length - 1;

    /// <inheritdoc/>
    public string Description { get; }

    /// <summary>The curve that the betas follow; null for betas of any other kind.</summary>
    internal BetaFormula? Formula { get; init; }

    /// <summary>The schedule that <see cref="WithZeroTerminalSnr"/> rescaled; null for any other.</summary>
    internal DiscreteSchedule? RescaledFrom { get; private init; }

    /// <summary>The noise level of a timestep in [0, T-1].</summary>
    /// <exception cref="ArgumentOutOfRangeException">The timestep is outside.</exception>
    public NoiseLevel this[int timestep] =>
        (uint)timestep < (uint)levels.Length
            ? levels[timestep]
            : throw new ArgumentOutOfRangeException(
                nameof(timestep), timestep,
                    $"A timestep of this schedule lies in [0, {levels.Length - 1}], 0 and {levels.Length - 1} included.");

    /// <inheritdoc/>
    public NoiseLevel At(double time)
    {
        ScheduleGuard.Time(this, time);
        int below = (int)time;
        double share = time - below;
        if (share == 0)
        {
            return levels[below];
        }

        // Linear in sigma / alpha; up to pure noise, where that is infinite, linear in alpha / sigma.
        (NoiseLevel from, NoiseLevel to) = (levels[below], levels[below + 1]);
        return to.Alpha > 0
            ? WithRatio(Between(from.Ratio, to.Ratio, share), time)
            : WithRatio(1 / ((1 - share) / from.Ratio), time);
    }

    /// <inheritdoc/>
    public double TimeOf(double halfLogSnr)
    {
        ScheduleGuard.Number(halfLogSnr, nameof(halfLogSnr));
        double sought = -halfLogSnr;
        if (sought <= logRatios[0] || sought >= logRatios[^1])
        {
            return sought <= logRatios[0] ? 0 : LastTime;
        }

        int found = Array.BinarySearch(logRatios, sought);
        if (found >= 0)
        {
            return found;
        }

        // Linear in the logarithm of sigma / alpha; up to pure noise, where that is infinite, the inverse of At.
        int above = ~found;
        double height = sought - logRatios[above - 1];
        double width = logRatios[above] - logRatios[above - 1];
        return above - 1 + (double.IsFinite(width) ? height / width : -double.ExpM1(-height));
    }

    /// <inheritdoc/>
    public NoiseLevel WithHalfLogSnr(double halfLogSnr)
    {
        ScheduleGuard.Finite(halfLogSnr, nameof(halfLogSnr));
        return WithRatio(Math.Exp(-halfLogSnr), TimeOf(halfLogSnr));
    }

    /// <summary>
    /// The same schedule with its alphas rescaled so that the last timestep is pure noise, and the first stays as it is (Lin et al. 2024,
    /// "Common diffusion noise schedules and sample steps are flawed", algorithm 1). A network that predicts the noise cannot learn the
    /// last timestep: predict the velocity or the clean image.
    /// </summary>
    /// <exception cref="InvalidOperationException">alpha^2 + sigma^2 is not 1 at some timestep.</exception>
    public DiscreteSchedule WithZeroTerminalSnr()
    {
        if (levels.FirstOrDefault(level => !PreservesVariance(level)) is { Sigma: > 0 } odd)
        {
            throw new InvalidOperationException(
                $"{Description} cannot be rescaled: at timestep {odd.Time} alpha is {odd.Alpha} and sigma {odd.Sigma}, but alpha^2 + "
                + "sigma^2 must be 1. Rescale a schedule of betas.");
        }

        (double first, double last) = (levels[0].Alpha, levels[^1].Alpha);
        return new DiscreteSchedule([.. levels.Select(Rescaled)], $"{Description} with zero terminal SNR") { RescaledFrom = this };

        NoiseLevel Rescaled(NoiseLevel level)
        {
            double alpha = (level.Alpha - last) * first / (first - last);
            return level with { Alpha = alpha, Sigma = Math.Sqrt(1 - (alpha * alpha)) };
        }
    }

    /// <inheritdoc/>
    public override string ToString() => Description;

    private static bool PreservesVariance(NoiseLevel level) =>
        Math.Abs((level.Alpha * level.Alpha) + (level.Sigma * level.Sigma) - 1) <= 1e-9;

    private static NoiseLevel WithRatio(double ratio, double time)
    {
        double alpha = 1 / Math.Sqrt(1 + (ratio * ratio));
        return double.IsInfinity(ratio) ? new NoiseLevel(0, 1, time) : new NoiseLevel(alpha, ratio * alpha, time);
    }

    private static double Between(double first, double second, double share) => first + ((second - first) * share);

    private static void CheckLength(int timesteps, string name)
    {
        if (timesteps is < MinTimesteps or > NoiseSchedule.MaxTimesteps)
        {
            throw new ArgumentOutOfRangeException(name, timesteps,
                $"The number of timesteps must lie in {MinTimesteps}..{NoiseSchedule.MaxTimesteps}. Use 1000.");
        }
    }

    private static NoiseLevel[] LevelsOf(IReadOnlyList<double> betas)
    {
        ArgumentNullException.ThrowIfNull(betas);
        CheckLength(betas.Count, nameof(betas));
        NoiseLevel[] computed = new NoiseLevel[betas.Count];
        double alphaBar = 1;
        for (int t = 0; t < computed.Length; t++)
        {
            if (betas[t] is not (> 0 and < 1))
            {
                throw new ArgumentException($"Beta {t} is {betas[t]}; a beta lies in (0, 1). Lower the end of the schedule.",
                    nameof(betas));
            }

            alphaBar *= 1 - betas[t];
            computed[t] = new NoiseLevel(Math.Sqrt(alphaBar), Math.Sqrt(1 - alphaBar), t);
        }

        return computed;
    }
}
