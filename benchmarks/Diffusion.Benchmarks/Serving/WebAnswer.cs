namespace Diffusion.Benchmarks;

/// <summary>The answer to a request for a picture.</summary>
/// <param name="Png">The picture; null without one.</param>
/// <param name="RetryAfter">How long to wait before the next try; null if the request was not refused.</param>
/// <param name="Seconds">The time until the answer.</param>
internal sealed record WebAnswer(byte[]? Png, TimeSpan? RetryAfter, double Seconds);
