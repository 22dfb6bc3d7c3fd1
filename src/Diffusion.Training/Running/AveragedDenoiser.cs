namespace Diffusion.Training;

/// <summary>A model with averaged weights.</summary>
/// <param name="Decay">The maximum decay of the average.</param>
/// <param name="Denoiser">The model.</param>
public sealed record AveragedDenoiser(double Decay, Denoiser Denoiser);
