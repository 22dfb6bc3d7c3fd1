using System.Diagnostics;
using Diffusion.Sampling;
using TorchSharp;

namespace Diffusion.Hosting;

/// <summary>A request to a sampler. It ends once: with its images, with an error, or canceled.</summary>
internal sealed class SamplerJob : IDisposable
{
    private readonly TaskCompletionSource<torch.Tensor> result = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly SamplerMetrics metrics;
    private readonly SamplerQueue queue;
    private readonly CancellationTokenRegistration registration;
    private torch.Tensor[] copies = [];
    private Action? onEnded;

    /// <param name="request">The request.</param>
    /// <param name="options">The options of the sampler when the request came.</param>
    /// <param name="queue">The queue that a canceled request leaves.</param>
    /// <param name="metrics">Receives the outcome.</param>
    /// <param name="cancellationToken">Cancels the request.</param>
    public SamplerJob(SampleRequest request, HostedSamplerOptions options, SamplerQueue queue, SamplerMetrics metrics,
        CancellationToken cancellationToken)
    {
        (Options, this.queue, this.metrics) = (options, queue, metrics);
        Request = request with { BatchSize = options.MaxBatchSize };
        registration = cancellationToken.UnsafeRegister(_ => Cancel(cancellationToken), null);
    }

    public SampleRequest Request { get; private set; }

    /// <summary>The number of images; 0 for a request that will be refused.</summary>
    public long ImageCount => Math.Max(Request.Count, 0);

    public HostedSamplerOptions Options { get; }

    /// <summary>The timestamp at which the request came.</summary>
    public long Began { get; } = Stopwatch.GetTimestamp();

    /// <summary>The span of the caller.</summary>
    public ActivityContext Span { get; } = Activity.Current?.Context ?? default;

    /// <summary>The images, which belong to the caller.</summary>
    public Task<torch.Tensor> Result => result.Task;

    /// <summary>Copies the tensors of the request: the caller may dispose its own after a cancellation.</summary>
    public void CopyTensors()
    {
        using DisposeScope scope = torch.NewDisposeScope();
        Request = Request with { StartImages = Request.StartImages?.detach().clone(), StartNoise = Request.StartNoise?.detach().clone() };
        copies = [.. new[] { Request.StartImages, Request.StartNoise }.OfType<torch.Tensor>()];
        Array.ForEach(copies, copy => copy.DetachFromDisposeScope());
    }

    /// <summary>Calls an action when the request has ended, or at once if it already has.</summary>
    public void WhenEnded(Action action)
    {
        Volatile.Write(ref onEnded, action);
        if (result.Task.IsCompleted)
        {
            TellEnd();
        }
    }

    /// <summary>Hands the images to the caller, or frees them if the request has ended.</summary>
    public void Complete(torch.Tensor images)
    {
        if (result.TrySetResult(images))
        {
            TellEnd();
            metrics.Completed(Began);
        }
        else
        {
            images.Dispose();
        }
    }

    /// <summary>Ends the request with an error, unless it has ended.</summary>
    /// <param name="error">The error.</param>
    /// <param name="isCanceled">Whether the host or all callers gave up, so that the request is canceled instead.</param>
    public void Fail(Exception error, bool isCanceled = false)
    {
        if (isCanceled ? result.TrySetCanceled() : result.TrySetException(error))
        {
            TellEnd();
            metrics.Ended(isCanceled ? "canceled" : "failed");
        }
    }

    /// <summary>Frees the copies of tensors, and waits for a cancellation in progress.</summary>
    public void Dispose()
    {
        registration.Dispose();
        Array.ForEach(copies, copy => copy.Dispose());
    }

    private void Cancel(CancellationToken cancellationToken)
    {
        bool hasWaited = queue.Remove(this);
        if (result.TrySetCanceled(cancellationToken))
        {
            TellEnd();
            metrics.Ended("canceled");
        }

        if (hasWaited)
        {
            Dispose();
        }
    }

    private void TellEnd() => Interlocked.Exchange(ref onEnded, null)?.Invoke();
}
