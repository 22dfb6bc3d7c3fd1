using Diffusion.Sampling;
using static TorchSharp.torch;

namespace Diffusion.Tool.Sampling;

/// <summary>Which images to sample from a denoiser.</summary>
internal sealed record RequestedImages
{
    /// <summary>The number of images.</summary>
    public required int Count { get; init; }

    /// <summary>The class of all images; null for the classes in turn.</summary>
    public long? Class { get; init; }

    /// <summary>The number of classes to take in turn; null for a model without classes.</summary>
    public int? Classes { get; init; }

    /// <summary>The scale of classifier-free guidance; 1 for none.</summary>
    public double Guidance { get; init; } = 1;

    /// <summary>The sampler.</summary>
    public required ISampler Sampler { get; init; }

    /// <summary>The seed of the noise.</summary>
    public long Seed { get; init; }

    /// <summary>Samples the images.</summary>
    /// <returns>The images, <c>[N, C, H, W]</c> in [-1, 1]; the caller disposes them.</returns>
    public Tensor Sample(Denoiser denoiser, IProgress<SamplingProgress>? progress, CancellationToken cancellationToken)
    {
        IReadOnlyList<long>? labels = Class is { } chosen ? [chosen] : SampleRequest.ClassesInTurn(Count, Classes);
        SampleRequest request = new() { Count = Count, Seed = Seed, ClassLabels = labels };
        IDenoiser guided = Guidance == 1 ? denoiser : new GuidedDenoiser(denoiser, Guidance);
        return Sampler.Sample(guided, request, progress, cancellationToken);
    }
}
