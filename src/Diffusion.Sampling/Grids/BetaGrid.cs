namespace Diffusion.Sampling;

/// <summary>
/// Levels at the quantiles of a beta distribution (Lee et al. 2024, "Beta sampling is all you need"), then the clean image: short steps at
/// both ends.
/// </summary>
/// <param name="A">The first parameter, above 0. Default 0.6.</param>
/// <param name="B">The second parameter, above 0. Default 0.6.</param>
public sealed record BetaGrid(double A = 0.6, double B = 0.6) : CurveGrid
{
    /// <inheritdoc/>
    protected override double At(double place, double low, double high) =>
        low + ((high - low) * BetaDistribution.Quantile(1 - place, A, B));

    /// <inheritdoc/>
    protected override IEnumerable<string> CurveProblems() =>
        [.. GridProblems.Positive(A, nameof(A), 0.6), .. GridProblems.Positive(B, nameof(B), 0.6)];
}
