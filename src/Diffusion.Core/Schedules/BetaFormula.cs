namespace Diffusion;

/// <summary>The named curve that a schedule's betas follow.</summary>
/// <param name="Kind">The curve.</param>
/// <param name="Start">The betas' lower limit; null where the curve has none.</param>
/// <param name="End">The betas' upper limit; null where the curve has none.</param>
internal sealed record BetaFormula(NoiseScheduleKind Kind, double? Start = null, double? End = null);
