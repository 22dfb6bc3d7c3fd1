namespace Diffusion;

/// <summary>The named curve that a schedule's betas follow.</summary>
/// <param name="Kind">The curve.</param>
/// <param name="Start">The betas' lower limit; null where the curve has none.</param>
/// <param name="End">The betas' upper limit; null where the curve has none.</param>
internal sealed record BetaFormula(NoiseScheduleKind Kind, double? Start = null, double? End = null)
{
    private const double MaxBeta = 0.999;

    /// <summary>The betas of the curve.</summary>
    /// <param name="timesteps">T.</param>
    /// <exception cref="InvalidOperationException">The kind has no betas.</exception>
    public double[] Betas(int timesteps) => Kind switch
    {
        NoiseScheduleKind.Cosine => OfAlphaBar(CosineAlphaBar, timesteps),
        NoiseScheduleKind.Laplace => OfAlphaBar(LaplaceAlphaBar, timesteps),
        NoiseScheduleKind.Exponential => OfAlphaBar(u => Math.Exp(-12 * u), timesteps),
        NoiseScheduleKind.Linear => [.. Enumerable.Range(0, timesteps).Select(t => Between(Start!.Value, End!.Value, t, timesteps))],
        NoiseScheduleKind.ScaledLinear => [.. Enumerable.Range(0, timesteps)
            .Select(t => Math.Pow(Between(Math.Sqrt(Start!.Value), Math.Sqrt(End!.Value), t, timesteps), 2))],
        NoiseScheduleKind.Sigmoid => [.. Enumerable.Range(0, timesteps)
            .Select(t => Start!.Value + ((End!.Value - Start.Value) / (1 + Math.Exp(-Between(-6, 6, t, timesteps)))))],
        _ => throw new InvalidOperationException($"{Kind} has no betas."),
    };

    private static double[] OfAlphaBar(Func<double, double> alphaBar, int timesteps) =>
    [
        .. Enumerable.Range(0, timesteps)
            .Select(t => Math.Min(1 - (alphaBar((t + 1.0) / timesteps) / alphaBar((double)t / timesteps)), MaxBeta)),
    ];

    private static double CosineAlphaBar(double u)
    {
        const double s = 0.008;
        return Math.Pow(Math.Cos((u + s) / (1 + s) * Math.PI / 2), 2);
    }

    private static double LaplaceAlphaBar(double u)
    {
        const double scale = 0.5;
        const double tail = 1e-6; // keeps the ends finite
        double logSnr = -scale * Math.CopySign(1, 0.5 - u) * Math.Log(1 - (2 * Math.Abs(0.5 - u)) + tail);
        return 1 / (1 + Math.Exp(-logSnr));
    }

    private static double Between(double start, double end, int t, int timesteps) => start + ((end - start) * t / (timesteps - 1));
}
