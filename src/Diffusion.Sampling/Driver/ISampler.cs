using TorchSharp;

namespace Diffusion.Sampling;

/// <summary>Turns noise into images, asking a denoiser at ever lower noise levels. A sampler is a value: it holds options only.</summary>
public interface ISampler
{
    /// <summary>Makes images.</summary>
    /// <param name="denoiser">The model, or a denoiser around it.</param>
    /// <param name="request">How many images, of which seed, size and class.</param>
    /// <param name="progress">
    /// Told after each step, on this thread. It is the caller's: an exception it throws ends the sampling and reaches the caller.
    /// </param>
    /// <param name="cancellationToken">Looked at before each step.</param>
    /// <returns>
    /// float32 <c>[N, C, H, W]</c> on the CPU, in [-1, 1] (beyond it only where the sampler does not clip). It belongs to the caller.
    /// </returns>
    /// <exception cref="ArgumentException">The request or the sampler's options do not fit; the message lists every reason.</exception>
    /// <exception cref="OperationCanceledException">Sampling was cancelled; everything it held is freed.</exception>
    /// <exception cref="InvalidOperationException">The network answered with NaN or infinity.</exception>
    torch.Tensor Sample(
        IDenoiser denoiser,
        SampleRequest request,
        IProgress<SamplingProgress>? progress = null,
        CancellationToken cancellationToken = default);
}
