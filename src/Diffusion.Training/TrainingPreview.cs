namespace Diffusion.Training;

/// <summary>What a preview is made from.</summary>
/// <param name="Step">Optimizer steps made.</param>
/// <param name="Denoiser">The model with the averaged weights; valid during the call, and not changed by training meanwhile.</param>
/// <param name="CancellationToken">Ends the run; a preview that takes long should heed it.</param>
public sealed record TrainingPreview(long Step, Denoiser Denoiser, CancellationToken CancellationToken = default);
