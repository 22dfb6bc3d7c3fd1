using TorchSharp;

namespace Diffusion.Training;

/// <summary>What a preview is made from.</summary>
/// <param name="Step">Optimizer steps made.</param>
/// <param name="EmaDenoiser">
/// The model with the averaged weights; not changed by training during the call. Later, sample a <see cref="Snapshot"/>.
/// </param>
/// <param name="CancellationToken">Ends the run; a preview that takes long should heed it.</param>
public sealed record TrainingPreview(long Step, Denoiser EmaDenoiser, CancellationToken CancellationToken = default)
{
    /// <summary>Takes samples of the run; null outside of one.</summary>
    internal Action<torch.Tensor>? OnSamples { get; init; }

    /// <summary>
    /// Copies the averaged weights into a model of its own, which lives until it is disposed: for samples beside or after training.
    /// </summary>
    /// <returns>The copy; it belongs to the caller.</returns>
    /// <exception cref="ObjectDisposedException">The trainer was disposed.</exception>
    public DenoiserSnapshot Snapshot() => DenoiserSnapshot.Of(EmaDenoiser, () => Step);

    /// <summary>
    /// Compares the colours of samples with those of the data; where they differ, the run has a finding with its next report, or at its
    /// end.
    /// </summary>
    /// <param name="samples">In [-1, 1], floating point <c>[N, C, H, W]</c>, at least 8 of them to tell; they stay the caller's.</param>
    /// <exception cref="ArgumentException">They have another number of channels than the data.</exception>
    public void Check(torch.Tensor samples)
    {
        ArgumentNullException.ThrowIfNull(samples);
        OnSamples?.Invoke(samples);
    }
}
