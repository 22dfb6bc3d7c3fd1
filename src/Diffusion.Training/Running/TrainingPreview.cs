using TorchSharp;

namespace Diffusion.Training;

/// <summary>The data of a preview.</summary>
/// <param name="Step">The number of optimizer steps taken.</param>
/// <param name="EmaDenoiser">
/// The model with the averaged weights. Training does not change it during the call. To sample later, use <see cref="Snapshot"/>.
/// </param>
/// <param name="CancellationToken">Ends the run. A long preview should observe it.</param>
public sealed record TrainingPreview(long Step, Denoiser EmaDenoiser, CancellationToken CancellationToken = default)
{
    /// <summary>Checks samples of the run; null outside a run.</summary>
    internal Action<torch.Tensor>? OnSamples { get; init; }

    /// <summary>
    /// Copies the averaged weights into a new model that is valid until it is disposed, to sample during or after training.
    /// </summary>
    /// <returns>The copy, which the caller disposes.</returns>
    /// <exception cref="ObjectDisposedException">The trainer is disposed.</exception>
    public TrainedModel Snapshot() => ModelSnapshot.Of(EmaDenoiser, () => Step, Precision.Float32);

    /// <summary>
    /// Compares samples with the data: their colors, their fine detail, and how much they differ from one another. If they are unusual, the
    /// run adds a finding to its next report, or to its result if no report follows. Samples before the last quarter of the run, or before
    /// step 1,000, are ignored.
    /// </summary>
    /// <param name="samples">
    /// At least 8 samples in [-1, 1], floating point <c>[N, C, H, W]</c>; fewer are ignored. The caller keeps ownership.
    /// </param>
    /// <exception cref="ArgumentException">The samples and the data have different numbers of channels.</exception>
    public void Check(torch.Tensor samples)
    {
        ArgumentNullException.ThrowIfNull(samples);
        OnSamples?.Invoke(samples);
    }
}
