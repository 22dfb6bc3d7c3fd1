namespace Diffusion.Training;

/// <summary>A change that makes training fit.</summary>
/// <param name="Change">The change, in words.</param>
/// <param name="Estimator">The changed training.</param>
/// <param name="Estimate">The memory of the changed training.</param>
internal sealed record MemoryReduction(string Change, MemoryEstimator Estimator, MemoryEstimate Estimate);
