namespace Diffusion.Training;

/// <summary>What an effective batch is good for.</summary>
/// <param name="Name">tiny, small, medium or large.</param>
/// <param name="Usual">The usual sizes of that name.</param>
/// <param name="Note">What it does.</param>
public sealed record BatchAdvice(string Name, string Usual, string Note);
