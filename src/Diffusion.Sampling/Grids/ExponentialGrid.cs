namespace Diffusion.Sampling;

/// <summary>
/// Levels evenly spaced in log-SNR (k-diffusion's exponential sigmas, diffusers' Lu lambdas), then the clean image: the grid for which the
/// solvers over log-SNR are made.
/// </summary>
/// <param name="Power">
/// Above 0. Default 1; another power is k-diffusion's polyexponential grid: the log of sigma / alpha lies at (1 - place)^power of its way.
/// </param>
public sealed record ExponentialGrid(double Power = 1) : CurveGrid
{
    /// <inheritdoc/>
    protected override double At(double place, double low, double high) =>
        Math.Exp(Math.Log(low) + (Math.Pow(1 - place, Power) * Math.Log(high / low)));

    /// <inheritdoc/>
    protected override IEnumerable<string> CurveProblems() => GridProblems.Positive(Power, nameof(Power), 1);
}
