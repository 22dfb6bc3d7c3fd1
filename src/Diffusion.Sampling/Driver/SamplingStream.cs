using System.Diagnostics;
using System.Threading.Channels;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>
/// Samples batch by batch on a thread of its own. TorchSharp's dispose scopes belong to a thread, so no scope may contain an await.
/// </summary>
internal sealed class SamplingStream(ISampler sampler, IDenoiser denoiser, SampleRequest request, int? previewEverySteps,
    IProgress<SamplingProgress>? progress, CancellationToken outer) : IAsyncEnumerable<SampledImages>
{
    /// <summary>Starts the thread and reads what it has finished.</summary>
    public async IAsyncEnumerator<SampledImages> GetAsyncEnumerator(CancellationToken cancellationToken = default)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(outer, cancellationToken);
        Channel<SampledImages> ready = Channel.CreateBounded<SampledImages>(1);
        Task sampling = Task.Factory.StartNew(
            () => Sample(ready.Writer, stop.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        try
        {
            await foreach (SampledImages images in ready.Reader.ReadAllAsync(CancellationToken.None).ConfigureAwait(false))
            {
                yield return images;
            }

            await sampling.ConfigureAwait(false); // throws what ended it
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            await sampling.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            while (ready.Reader.TryRead(out SampledImages? left))
            {
                left.Dispose();
            }
        }
    }

    private void Sample(ChannelWriter<SampledImages> ready, CancellationToken cancellationToken)
    {
        long began = Stopwatch.GetTimestamp();
        try
        {
            for (int first = 0; first < request.Count; first += request.BatchSize)
            {
                SampleBatch(first, Math.Min(request.BatchSize, request.Count - first), began, ready, cancellationToken);
            }
        }
        finally
        {
            ready.Complete();
        }
    }

    private void SampleBatch(int first, int size, long began, ChannelWriter<SampledImages> ready, CancellationToken cancellationToken)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor? estimate = null;
        SamplingProgress latest = default;
        IDenoiser observed = previewEverySteps is null ? denoiser : new ObservedDenoiser(denoiser, Keep);
        try
        {
            Tensor images = sampler.Sample(observed, request.Part(first, size), new Reports(Report), cancellationToken);
            Yield(images.DetachFromDisposeScope(), isPreview: false);
        }
        finally
        {
            estimate?.Dispose();
        }

        void Keep(NoiseLevel level, Tensor clean)
        {
            estimate?.Dispose();
            estimate = clean.alias().DetachFromDisposeScope();
        }

        void Report(SamplingProgress batch)
        {
            latest = batch with
            {
                ImagesDone = first + batch.ImagesDone,
                ImageCount = request.Count,
                Fraction = (first + (size * batch.Fraction)) / request.Count,
                Elapsed = Stopwatch.GetElapsedTime(began),
            };
            progress?.Report(latest);
            if (previewEverySteps is { } every && batch.Step % every == 0 && batch.Fraction < 1 && estimate is not null)
            {
                Yield(estimate.to(ScalarType.Float32, CPU, copy: true).DetachFromDisposeScope(), isPreview: true);
            }
        }

        void Yield(Tensor images, bool isPreview)
        {
            SampledImages yielded = new(images) { First = first, IsPreview = isPreview, Progress = latest };
            try
            {
                ready.WriteAsync(yielded, cancellationToken).AsTask().GetAwaiter().GetResult(); // This thread does nothing else.
            }
            catch
            {
                yielded.Dispose();
                throw;
            }
        }
    }

    private sealed class Reports(Action<SamplingProgress> report) : IProgress<SamplingProgress>
    {
        public void Report(SamplingProgress value) => report(value);
    }
}
