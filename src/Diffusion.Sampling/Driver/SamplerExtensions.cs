using TorchSharp;

namespace Diffusion.Sampling;

/// <summary>The short way to ask a sampler.</summary>
public static class SamplerExtensions
{
    /// <summary>Makes images of the size the model was made for.</summary>
    /// <param name="sampler">The sampler.</param>
    /// <param name="denoiser">The model, or a denoiser around it.</param>
    /// <param name="count">How many images, at least 1.</param>
    /// <param name="seed">The same seed gives the same images.</param>
    /// <param name="classLabels">Where the model has classes: one for each image, or one for all.</param>
    /// <param name="progress">Told after each step.</param>
    /// <param name="cancellationToken">Looked at before each step.</param>
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
