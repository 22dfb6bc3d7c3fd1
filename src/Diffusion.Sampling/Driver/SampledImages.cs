using TorchSharp;

namespace Diffusion.Sampling;

/// <summary>
/// Images that <see cref="AsyncSampling.SampleAsync"/> yields: a finished batch, or a preview of one. Dispose it after use.
/// </summary>
/// <param name="images">The images, which the new object owns.</param>
public sealed class SampledImages(torch.Tensor images) : IDisposable
{
    /// <summary>float32 <c>[B, C, H, W]</c> on the CPU; freed when this object is disposed.</summary>
    public torch.Tensor Images { get; } = images ?? throw new ArgumentNullException(nameof(images));

    /// <summary>The place of the first of these images in the request, from 0.</summary>
    public required int First { get; init; }

    /// <summary>
    /// Whether these are estimates in the middle of sampling, which may lie outside [-1, 1], and not finished images.
    /// </summary>
    public required bool IsPreview { get; init; }

    /// <summary>The progress of the complete request.</summary>
    public required SamplingProgress Progress { get; init; }

    /// <summary>Frees the images.</summary>
    public void Dispose() => Images.Dispose();
}
