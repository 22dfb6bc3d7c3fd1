using System.Globalization;

namespace Diffusion.Training;

/// <summary>
/// The factor of the loss while a network computes in <see cref="Precision.Float16"/> (<see cref="Diffusion.Training.LossScale"/>); not
/// used in other precisions. The defaults are those of PyTorch's <c>GradScaler</c>.
/// </summary>
public sealed record LossScaleOptions
{
    /// <summary>
    /// The factor of the first step, a power of two in 1..16,777,216; steps whose gradients overflow halve it. Default 65,536.
    /// </summary>
    public double Initial { get; init; } = 65_536;

    /// <summary>
    /// How many steps with finite gradients, one after the other, double the factor. 500 to 5000; 1 to 1,000,000 are possible. Default
    /// 2000.
    /// </summary>
    public int GrowthSteps { get; init; } = 2000;

    /// <summary>Every impossible value, each with its remedy.</summary>
    internal IReadOnlyList<string> Problems => ((string?[])
    [
        LossScale.IsPossible(Initial) ? null : string.Create(CultureInfo.InvariantCulture,
            $"Initial ({Initial}) must be a power of two in 1..16777216. Use 65536."),
        GrowthSteps is >= 1 and <= 1_000_000
            ? null
            : string.Create(CultureInfo.InvariantCulture, $"GrowthSteps ({GrowthSteps}) must be in 1..1000000. Use 2000."),
    ]).OfType<string>().ToArray();
}
