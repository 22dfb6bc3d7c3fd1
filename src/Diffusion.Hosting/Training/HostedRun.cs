using System.Collections.Concurrent;
using Diffusion.Training;

namespace Diffusion.Hosting;

/// <summary>One run of a <see cref="HostedTraining"/>, from its start to its end.</summary>
internal sealed class HostedRun : IDisposable
{
    private readonly Lock gate = new();
    private readonly CancellationTokenSource stop = new();
    private readonly TaskCompletionSource begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile HostedTrainingStatus status = HostedTrainingStatus.Starting;
    private bool isDisposed;

    /// <summary>The reports of the run.</summary>
    public ProgressFeed Feed { get; } = new();

    /// <summary>The findings of the run so far.</summary>
    public ConcurrentQueue<HealthFinding> Findings { get; } = new();

    public HostedTrainingStatus Status => status;

    /// <summary>Ends when the trainer is built, or with the error that prevented it.</summary>
    public Task Begun => begun.Task;

    /// <summary>Ends with the run; never fails.</summary>
    public Task Completion { get; private set; } = Task.CompletedTask;

    /// <summary>The trainer while the run is running.</summary>
    public Trainer? Trainer { get; private set; }

    public StopReason? StopReason { get; private set; }

    public Exception? Error { get; private set; }

    /// <summary>The folder of the run, after every edit of its options; null until it trains.</summary>
    public string? RunFolder { get; private set; }

    /// <summary>Whether a divergence makes the run roll back to a checkpoint.</summary>
    public bool RollsBack { get; private set; }

    /// <summary>Starts the run on a thread of its own.</summary>
    /// <param name="train">Builds and runs the trainer.</param>
    /// <param name="onError">Receives the error of a run that failed.</param>
    public void Start(Action<HostedRun, CancellationToken> train, Action<Exception> onError)
    {
        using AsyncFlowControl flow = ExecutionContext.SuppressFlow(); // The run is no part of the HTTP request that starts it.
        Completion = Task.Factory.StartNew(
            () => Execute(train, onError), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>Runs the trainer.</summary>
    public void Train(Trainer trainer, string? runFolder, bool rollsBack, CancellationToken cancellationToken)
    {
        (Trainer, RunFolder, RollsBack, status) = (trainer, runFolder, rollsBack, HostedTrainingStatus.Running);
        begun.TrySetResult();
        try
        {
            StopReason = trainer.Run(cancellationToken).StopReason;
        }
        finally
        {
            Trainer = null;
        }
    }

    /// <summary>Asks the run to save and end. Another thread may have disposed it after its end.</summary>
    public void Stop()
    {
        lock (gate)
        {
            if (!isDisposed)
            {
                stop.Cancel();
            }
        }
    }

    public void Dispose()
    {
        lock (gate)
        {
            isDisposed = true;
            stop.Dispose();
        }
    }

    private void Execute(Action<HostedRun, CancellationToken> train, Action<Exception> onError)
    {
        try
        {
            train(this, stop.Token);
            status = HostedTrainingStatus.Ended;
        }
#pragma warning disable CA1031 // A run that fails must not end the process; the status and the health check show the error.
        catch (Exception error)
#pragma warning restore CA1031
        {
            Error = error;
            status = HostedTrainingStatus.Failed;
            onError(error);
            begun.TrySetException(error);
            _ = begun.Task.Exception; // observed, as nobody may be waiting
        }
        finally
        {
            Feed.End();
        }
    }
}
