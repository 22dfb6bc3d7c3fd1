namespace Diffusion.Training;

/// <summary>One change after which training fits.</summary>
/// <param name="Change">What to change, in words.</param>
/// <param name="Estimator">What is trained then.</param>
/// <param name="Estimate">What that takes.</param>
public sealed record MemoryReduction(string Change, MemoryEstimator Estimator, MemoryEstimate Estimate);
