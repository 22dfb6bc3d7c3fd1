namespace Diffusion.Sampling;

/// <summary>
/// Levels whose sigma / alpha is evenly spaced in its rho-th root (Karras et al. 2022, equation 5), then the clean image: short steps
/// where there is little noise.
/// </summary>
/// <param name="Rho">At least 1. Default 7; 1 spaces the levels evenly.</param>
public sealed record KarrasGrid(double Rho = 7) : CurveGrid
{
    /// <inheritdoc/>
    protected override double At(double place, double low, double high)
    {
        (double last, double first) = (Math.Pow(low, 1 / Rho), Math.Pow(high, 1 / Rho));
        return Math.Pow(first + (place * (last - first)), Rho);
    }

    /// <inheritdoc/>
    protected override IEnumerable<string> CurveProblems() =>
        Rho >= 1 && double.IsFinite(Rho) ? [] : [$"Rho is {Rho}, but must be at least 1. Use 7."];
}
