namespace Diffusion.TestKit.Fuzzing;

/// <summary>What a parser made of one input.</summary>
/// <param name="Kind">Accepted, or the kind of reason why it was refused.</param>
/// <param name="Allocated">The bytes of memory that it took from the collector.</param>
/// <param name="Failure">What is wrong with the parser; null where it did as it should.</param>
public readonly record struct FuzzResult(string Kind, long Allocated, string? Failure);
