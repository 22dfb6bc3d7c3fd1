using System.Diagnostics;
using Diffusion.Sampling;
using TorchSharp;

namespace Diffusion.Hosting;

/// <summary>A request in the queue of a sampler. It is taken into a pass or cancelled, whichever comes first.</summary>
internal sealed class SamplerJob : IDisposable
{
    private readonly TaskCompletionSource<torch.Tensor> result = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Action onLeave;
    private readonly CancellationTokenRegistration registration;
    private int hasLeft;
    private Action? onCancelled;

    /// <param name="request">The request.</param>
    /// <param name="onLeave">Called when the job leaves the queue.</param>
    /// <param name="cancellationToken">Cancels the request.</param>
    public SamplerJob(SampleRequest request, Action onLeave, CancellationToken cancellationToken)
    {
        (Request, this.onLeave) = (request, onLeave);
        registration = cancellationToken.UnsafeRegister(_ => Cancel(cancellationToken), null);
    }

    public SampleRequest Request { get; }

    /// <summary>The timestamp at which the request came.</summary>
    public long Began { get; } = Stopwatch.GetTimestamp();

    /// <summary>The span of the caller.</summary>
    public ActivityContext Span { get; } = Activity.Current?.Context ?? default;

    /// <summary>The images, which belong to the caller.</summary>
    public Task<torch.Tensor> Result => result.Task;

    /// <summary>Takes the job out of the queue; returns false if it was cancelled before.</summary>
    public bool TryTake() => Leave() && !result.Task.IsCompleted;

    /// <summary>Calls an action when the request is cancelled, or at once if it already is.</summary>
    public void WhenCancelled(Action action)
    {
        Volatile.Write(ref onCancelled, action);
        if (result.Task.IsCanceled)
        {
            Interlocked.Exchange(ref onCancelled, null)?.Invoke();
        }
    }

    /// <summary>Hands the images to the caller, or frees them if the request was cancelled.</summary>
    /// <returns>Whether the caller gets them.</returns>
    public bool TryComplete(torch.Tensor images)
    {
        bool isTaken = result.TrySetResult(images);
        if (!isTaken)
        {
            images.Dispose();
        }

        return isTaken;
    }

    /// <summary>Ends the request with an error; returns false if it was cancelled before.</summary>
    public bool TryFail(Exception error) => error is OperationCanceledException ? result.TrySetCanceled() : result.TrySetException(error);

    /// <summary>Stops listening for cancellation.</summary>
    public void Dispose() => registration.Dispose();

    private void Cancel(CancellationToken cancellationToken)
    {
        result.TrySetCanceled(cancellationToken);
        Leave();
        Interlocked.Exchange(ref onCancelled, null)?.Invoke();
    }

    private bool Leave()
    {
        bool isFirst = Interlocked.Exchange(ref hasLeft, 1) == 0;
        if (isFirst)
        {
            onLeave();
        }

        return isFirst;
    }
}
