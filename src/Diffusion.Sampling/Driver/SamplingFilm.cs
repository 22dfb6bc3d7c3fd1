using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>The images that a denoiser expects at each noise level, from noise to the finished images.</summary>
public static class SamplingFilm
{
    /// <summary>
    /// Samples, and keeps the estimate of the clean images at each level. <see cref="ImageFilm"/> makes an animation of them.
    /// </summary>
    /// <param name="sampler">The sampler.</param>
    /// <param name="denoiser">The model, or a denoiser around it.</param>
    /// <param name="request">
    /// The images. All of them pass through the network at a time: <see cref="SampleRequest.BatchSize"/> is not used.
    /// </param>
    /// <param name="progress">Receives progress after each step.</param>
    /// <param name="cancellationToken">Checked before each step.</param>
    /// <returns>
    /// The frames, each float32 <c>[N, C, H, W]</c> on the CPU. The last holds the finished images. They belong to the caller.
    /// </returns>
    /// <inheritdoc cref="ISampler.Sample" path="/exception"/>
    public static IReadOnlyList<Tensor> Film(this ISampler sampler, IDenoiser denoiser, SampleRequest request,
        IProgress<SamplingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(sampler);
        ArgumentNullException.ThrowIfNull(denoiser);
        ArgumentNullException.ThrowIfNull(request);
        List<Tensor> frames = [];
        NoiseLevel? last = null;
        ObservedDenoiser observed = new(denoiser, (level, clean) =>
        {
            if (level != last) // A corrector asks again at the level of the next step.
            {
                frames.Add(clean.to(ScalarType.Float32, CPU, copy: true).DetachFromDisposeScope());
                last = level;
            }
        });
        try
        {
            Tensor images = sampler.Sample(observed, request with { BatchSize = Math.Max(request.Count, 1) }, progress, cancellationToken);
            return [.. frames, images];
        }
        catch
        {
            frames.ForEach(frame => frame.Dispose());
            throw;
        }
    }
}
