using System.Globalization;

namespace Diffusion;

/// <summary>
/// The noise schedules of the field, computed in float64. All take a number of timesteps T from 250 to 4000: 250 to 500 for quick
/// experiments, 1000 (the default) as the standard, more for finer steps. Sampling may use fewer steps than training.
/// </summary>
public static class NoiseSchedule
{
    /// <summary>The minimum number of timesteps: 250.</summary>
    public const int MinTimesteps = 250;

    /// <summary>The maximum number of timesteps: 4000.</summary>
    public const int MaxTimesteps = 4000;

    /// <summary>The usual number of timesteps: 1000.</summary>
    public const int DefaultTimesteps = 1000;

    /// <summary>
    /// Cosine schedule (Nichol and Dhariwal 2021, equation 17, s = 0.008): alpha-bar(u) = cos^2((u + s) / (1 + s) * pi / 2), and
    /// beta[t] = 1 - alpha-bar((t + 1) / T) / alpha-bar(t / T), at most 0.999. Usually the best for small images.
    /// </summary>
    /// <param name="timesteps">T, 250 to 4000.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="timesteps"/> is outside 250..4000.</exception>
    public static DiscreteSchedule Cosine(int timesteps = DefaultTimesteps)
    {
        CheckTimesteps(timesteps);
        return FromFormula(new BetaFormula(NoiseScheduleKind.Cosine), timesteps, $"cosine(timesteps: {timesteps})");
    }

    /// <summary>Linear betas (Ho et al. 2020, section 4).</summary>
    /// <param name="timesteps">T, 250 to 4000.</param>
    /// <param name="betaStart">The first beta; by default 1e-4 * 1000 / T, so that every T ends in the same noise.</param>
    /// <param name="betaEnd">The last beta; by default 0.02 * 1000 / T.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="timesteps"/> is outside 250..4000.</exception>
    /// <exception cref="ArgumentException">A beta lies outside (0, 1).</exception>
    public static DiscreteSchedule Linear(int timesteps = DefaultTimesteps, double? betaStart = null, double? betaEnd = null)
    {
        CheckTimesteps(timesteps);
        double start = betaStart ?? ScaledTo(timesteps, 1e-4);
        double end = betaEnd ?? ScaledTo(timesteps, 0.02);
        return FromFormula(
            new BetaFormula(NoiseScheduleKind.Linear, start, end), timesteps, Describe("linear", timesteps, start, end));
    }

    /// <summary>Betas whose square roots are linear (Rombach et al. 2022, latent diffusion).</summary>
    /// <param name="timesteps">T, 250 to 4000.</param>
    /// <param name="betaStart">The first beta; by default 8.5e-4 * 1000 / T.</param>
    /// <param name="betaEnd">The last beta; by default 0.012 * 1000 / T.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="timesteps"/> is outside 250..4000.</exception>
    /// <exception cref="ArgumentException">A beta lies outside (0, 1).</exception>
    public static DiscreteSchedule ScaledLinear(int timesteps = DefaultTimesteps, double? betaStart = null, double? betaEnd = null)
    {
        CheckTimesteps(timesteps);
        double start = betaStart ?? ScaledTo(timesteps, 8.5e-4);
        double end = betaEnd ?? ScaledTo(timesteps, 0.012);
        return FromFormula(
            new BetaFormula(NoiseScheduleKind.ScaledLinear, start, end), timesteps, Describe("scaled-linear", timesteps, start, end));
    }

    /// <summary>Betas that follow a logistic curve from -6 to 6 (Xu et al. 2022, GeoDiff; diffusers' <c>sigmoid</c>).</summary>
    /// <param name="timesteps">T, 250 to 4000.</param>
    /// <param name="betaStart">The lower limit of the curve; by default 1e-4 * 1000 / T.</param>
    /// <param name="betaEnd">The upper limit of the curve; by default 0.02 * 1000 / T.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="timesteps"/> is outside 250..4000.</exception>
    /// <exception cref="ArgumentException">A beta lies outside (0, 1).</exception>
    public static DiscreteSchedule Sigmoid(int timesteps = DefaultTimesteps, double? betaStart = null, double? betaEnd = null)
    {
        CheckTimesteps(timesteps);
        double start = betaStart ?? ScaledTo(timesteps, 1e-4);
        double end = betaEnd ?? ScaledTo(timesteps, 0.02);
        return FromFormula(
            new BetaFormula(NoiseScheduleKind.Sigmoid, start, end), timesteps, Describe("sigmoid", timesteps, start, end));
    }

    /// <summary>
    /// Log-SNRs that follow a Laplace distribution of mean 0 and scale 0.5 (Hang et al. 2024, "Improved noise schedule for diffusion
    /// training"), which puts many timesteps near log-SNR 0.
    /// </summary>
    /// <remarks>
    /// alpha-bar is SNR / (1 + SNR). The schedule of this name in diffusers takes a square root of it, and so has less noise.
    /// </remarks>
    /// <param name="timesteps">T, 250 to 4000.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="timesteps"/> is outside 250..4000.</exception>
    public static DiscreteSchedule Laplace(int timesteps = DefaultTimesteps)
    {
        CheckTimesteps(timesteps);
        return FromFormula(new BetaFormula(NoiseScheduleKind.Laplace), timesteps, $"laplace(timesteps: {timesteps})");
    }

    /// <summary>alpha-bar(u) = exp(-12 u), so that every beta is the same (diffusers' <c>exp</c>).</summary>
    /// <param name="timesteps">T, 250 to 4000.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="timesteps"/> is outside 250..4000.</exception>
    public static DiscreteSchedule Exponential(int timesteps = DefaultTimesteps)
    {
        CheckTimesteps(timesteps);
        return FromFormula(new BetaFormula(NoiseScheduleKind.Exponential), timesteps, $"exponential(timesteps: {timesteps})");
    }

    /// <summary>The named schedule of betas with its default parameters.</summary>
    /// <param name="kind">Which.</param>
    /// <param name="timesteps">T, 250 to 4000.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// The kind is unknown or not made of betas, or <paramref name="timesteps"/> is outside 250..4000.
    /// </exception>
    public static DiscreteSchedule Create(NoiseScheduleKind kind, int timesteps = DefaultTimesteps) => kind switch
    {
        NoiseScheduleKind.Cosine => Cosine(timesteps),
        NoiseScheduleKind.Linear => Linear(timesteps),
        NoiseScheduleKind.ScaledLinear => ScaledLinear(timesteps),
        NoiseScheduleKind.Sigmoid => Sigmoid(timesteps),
        NoiseScheduleKind.Laplace => Laplace(timesteps),
        NoiseScheduleKind.Exponential => Exponential(timesteps),
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind,
            "There is no such schedule of betas. Use Cosine, Linear, ScaledLinear, Sigmoid, Laplace or Exponential."),
    };

    internal static void CheckTimesteps(int timesteps)
    {
        if (timesteps is < MinTimesteps or > MaxTimesteps)
        {
            throw new ArgumentOutOfRangeException(
                nameof(timesteps),
                timesteps,
                $"The number of timesteps must lie in {MinTimesteps}..{MaxTimesteps}. Use 1000; fewer steps belong to the sampler.");
        }
    }

    private static double ScaledTo(int timesteps, double betaAtThousand) => betaAtThousand * 1000 / timesteps;

    private static string Describe(string name, int timesteps, double start, double end) =>
        string.Create(CultureInfo.InvariantCulture, $"{name}(timesteps: {timesteps}, betaStart: {start:R}, betaEnd: {end:R})");

    private static DiscreteSchedule FromFormula(BetaFormula formula, int timesteps, string description) =>
        new(formula.Betas(timesteps), description) { Formula = formula };
}
