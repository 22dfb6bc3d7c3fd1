using TorchSharp;

namespace Diffusion.Sampling;

/// <summary>Turns noise into images by calling a denoiser at decreasing noise levels. A sampler holds only options, no state.</summary>
public interface ISampler
{
    /// <summary>
    /// Whether an image does not depend on the other images of its batch, so that requests can be sampled together. Default true; false for
    /// a sampler that uses a mean over the batch.
    /// </summary>
    bool TreatsImagesAlone => true;

    /// <summary>Generates images.</summary>
    /// <param name="denoiser">The model, or a denoiser around it.</param>
    /// <param name="request">How many images, and their seed, size and classes.</param>
    /// <param name="progress">
    /// Receives progress after each step, on the calling thread. An exception that it throws ends sampling and reaches the caller.
    /// </param>
    /// <param name="cancellationToken">Checked before each step.</param>
    /// <returns>
    /// float32 <c>[N, C, H, W]</c> on the CPU. It belongs to the caller. Values lie in [-1, 1] if the sampler clips estimates and its last
    /// step is to the clean image; samplers that combine several estimates may leave that range a little.
    /// </returns>
    /// <exception cref="ArgumentException">The request or the sampler's options do not fit; the message lists every reason.</exception>
    /// <exception cref="OperationCanceledException">Sampling was canceled; all its tensors are freed.</exception>
    /// <exception cref="InvalidOperationException">The network returned NaN or infinity.</exception>
    torch.Tensor Sample(
        IDenoiser denoiser,
        SampleRequest request,
        IProgress<SamplingProgress>? progress = null,
        CancellationToken cancellationToken = default);
}
