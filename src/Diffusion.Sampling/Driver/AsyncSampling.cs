namespace Diffusion.Sampling;

/// <summary>Sampling for asynchronous code: images are yielded as soon as they are finished.</summary>
public static class AsyncSampling
{
    /// <summary>
    /// Samples on a thread of its own, and yields each batch as soon as it is finished. The images are those of
    /// <see cref="ISampler.Sample"/>.
    /// </summary>
    /// <remarks>
    /// The thread starts with the enumeration, and waits while the reader is more than one batch or preview behind. If the enumeration ends
    /// early, by <c>break</c>, an exception or cancellation, sampling ends before its next call of the network and frees its tensors.
    /// </remarks>
    /// <param name="sampler">The sampler.</param>
    /// <param name="denoiser">The model, or a denoiser around it. It must not be disposed before the enumeration ends.</param>
    /// <param name="request">The images. <see cref="SampleRequest.BatchSize"/> is the size of a batch.</param>
    /// <param name="previewEverySteps">
    /// The number of steps between two previews of a batch, at least 1. Null, the default, for no previews.
    /// </param>
    /// <param name="progress">Receives progress after each step, on the thread that samples.</param>
    /// <param name="cancellationToken">Checked before each step.</param>
    /// <returns>Batches in order, each after its previews. The caller disposes each of them.</returns>
    /// <exception cref="ArgumentException">The request does not fit; thrown by the call itself.</exception>
    /// <exception cref="OperationCanceledException">Sampling was canceled; thrown by the enumeration.</exception>
    /// <exception cref="InvalidOperationException">The network returned NaN or infinity; thrown by the enumeration.</exception>
    public static IAsyncEnumerable<SampledImages> SampleAsync(this ISampler sampler, IDenoiser denoiser, SampleRequest request,
        int? previewEverySteps = null, IProgress<SamplingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(sampler);
        ArgumentNullException.ThrowIfNull(denoiser);
        ArgumentNullException.ThrowIfNull(request);
        ArgumentOutOfRangeException.ThrowIfLessThan(previewEverySteps ?? 1, 1, nameof(previewEverySteps));
        SamplingRun.Refuse(request.Problems(denoiser));
        return new SamplingStream(sampler, denoiser, request, previewEverySteps, progress, cancellationToken);
    }
}
