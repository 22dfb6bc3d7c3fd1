namespace Diffusion;

/// <summary>One average of the weights, as a manifest lists it.</summary>
/// <param name="Decay">The limit of its decay.</param>
/// <param name="File">The name of its file.</param>
internal sealed record CheckpointAverage(double Decay, string File);
