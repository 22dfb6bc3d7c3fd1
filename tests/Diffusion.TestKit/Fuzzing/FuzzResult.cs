namespace Diffusion.TestKit.Fuzzing;

/// <summary>The result of reading one input.</summary>
/// <param name="Kind">Accepted, or the kind of reason for the refusal.</param>
/// <param name="Allocated">The managed memory that was allocated, in bytes.</param>
/// <param name="Failure">What is wrong with the parser; null if nothing is.</param>
public readonly record struct FuzzResult(string Kind, long Allocated, string? Failure);
