namespace Diffusion.Reporting;

/// <summary>A loss and the step at which it was measured.</summary>
/// <param name="Step">The number of optimizer steps before the measurement, at least 0.</param>
/// <param name="Loss">The loss, above 0 and finite.</param>
public readonly record struct LossPoint(long Step, double Loss);
