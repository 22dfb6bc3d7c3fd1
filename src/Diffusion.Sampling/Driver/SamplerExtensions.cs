using TorchSharp;

namespace Diffusion.Sampling;

/// <summary>Shorthand for sampling.</summary>
public static class SamplerExtensions
{
    /// <summary>Generates images of the shape the model was built for or trained on.</summary>
    /// <param name="sampler">The sampler.</param>
    /// <param name="denoiser">The model, or a denoiser around it.</param>
    /// <param name="count">How many images, at least 1.</param>
    /// <param name="seed">The seed of all noise: the same seed gives the same images. Default 0.</param>
    /// <param name="classLabels">The class of each image, or one class for all; null for a model without classes.</param>
    /// <param name="progress">Receives progress after each step.</param>
    /// <param name="cancellationToken">Checked before each step.</param>
    /// <inheritdoc cref="ISampler.Sample" path="/returns"/>
    /// <inheritdoc cref="ISampler.Sample" path="/exception"/>
    public static torch.Tensor Sample(
        this ISampler sampler,
        IDenoiser denoiser,
        int count,
        long seed = 0,
        IReadOnlyList<long>? classLabels = null,
        IProgress<SamplingProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(sampler);
        SampleRequest request = new() { Count = count, Seed = seed, ClassLabels = classLabels };
        return sampler.Sample(denoiser, request, progress, cancellationToken);
    }
}
