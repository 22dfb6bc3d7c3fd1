using TorchSharp;

namespace Diffusion.Training;

/// <summary>What a preview is made from.</summary>
/// <param name="Step">Optimizer steps made.</param>
/// <param name="EmaDenoiser">The model with the averaged weights; valid during the call, and not changed by training meanwhile.</param>
/// <param name="CancellationToken">Ends the run; a preview that takes long should heed it.</param>
public sealed record TrainingPreview(long Step, Denoiser EmaDenoiser, CancellationToken CancellationToken = default)
{
    /// <summary>Takes samples of the run; null outside of one.</summary>
    internal Action<torch.Tensor>? OnSamples { get; init; }

    /// <summary>Compares the colours of samples with those of the data; where they differ, the run has a finding with its next report, or at its end.</summary>
    /// <param name="samples">In [-1, 1], floating point <c>[N, C, H, W]</c>, at least 8 of them to tell; they stay the caller's.</param>
    /// <exception cref="ArgumentException">They have another number of channels than the data.</exception>
    public void Check(torch.Tensor samples)
    {
        ArgumentNullException.ThrowIfNull(samples);
        OnSamples?.Invoke(samples);
    }
}
