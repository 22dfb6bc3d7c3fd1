namespace Diffusion.Reporting;

/// <summary>A loss and when it was measured.</summary>
/// <param name="Step">The optimizer steps that had been made, at least 0.</param>
/// <param name="Loss">Above 0 and finite.</param>
public readonly record struct LossPoint(long Step, double Loss);
