using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>A group of processes that a launcher started.</summary>
internal sealed class LaunchedProcessGroup : IProcessGroup
{
    private readonly ICollectiveEngine engine;
    private readonly GroupWatch watch;
    private readonly TimeSpan maxSilence;
    private readonly Action<string, string, Action> end;
    private volatile DistributedException? failure;
    private volatile bool isReady;
    private bool isDisposed;

    /// <summary>Watches over the processes, and starts the engine.</summary>
    /// <param name="engine">What carries tensors.</param>
    /// <param name="place">The place of this process.</param>
    /// <param name="connections">The connections from the <see cref="Meeting"/> of the processes.</param>
    /// <param name="options">The deadlines.</param>
    /// <param name="end">Ends this process after a failure, as <see cref="GroupFailure.End"/> does.</param>
    /// <exception cref="DistributedException">The engine cannot start.</exception>
    public LaunchedProcessGroup(
        ICollectiveEngine engine, ProcessPlace place, ControlConnection?[] connections, ProcessGroupOptions options,
        Action<string, string, Action> end)
    {
        this.engine = engine;
        this.end = end;
        Rank = place.Rank;
        WorldSize = place.WorldSize;
        LocalRank = place.LocalRank;
        LocalWorldSize = place.LocalWorldSize ?? place.WorldSize;
        Deadline = options.Deadline;
        maxSilence = options.MaxSilence;
        watch = new GroupWatch(place, connections, options.MaxSilence, EndProcess);
        try
        {
            engine.Begin(watch);
            isReady = true;
            AppDomain.CurrentDomain.UnhandledException += OnUnhandledException;
        }
        catch (DistributedException error)
        {
            watch.Fail(error.Message); // the other processes learn why
            watch.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public string Engine => engine.Name;

    /// <inheritdoc/>
    public int Rank { get; }

    /// <inheritdoc/>
    public int WorldSize { get; }

    /// <inheritdoc/>
    public int LocalRank { get; }

    /// <inheritdoc/>
    public int LocalWorldSize { get; }

    /// <inheritdoc/>
    public TimeSpan Deadline { get; }

    /// <inheritdoc/>
    public long Step
    {
        get => watch.Step;
        set => watch.Step = value;
    }

    /// <inheritdoc/>
    public IPendingOperation AllReduce(Tensor values, ReduceOperation operation = ReduceOperation.Sum) =>
        Start(CollectiveCall.AllReduce(values, operation), values, values);

    /// <inheritdoc/>
    public IPendingOperation Broadcast(Tensor values, int root = 0) =>
        Start(CollectiveCall.Broadcast(values, root, WorldSize), values, values);

    /// <inheritdoc/>
    public IPendingOperation AllGather(Tensor result, Tensor own) =>
        Start(CollectiveCall.AllGather(result, own, WorldSize), own, result);

    /// <inheritdoc/>
    public IPendingOperation ReduceScatter(Tensor result, Tensor values, ReduceOperation operation = ReduceOperation.Sum) =>
        Start(CollectiveCall.ReduceScatter(result, values, operation, WorldSize), values, result);

    /// <inheritdoc/>
    public void Barrier(TimeSpan? deadline = null) => Start(CollectiveCall.Barrier, null, null, deadline).Wait();

    /// <inheritdoc/>
    public void Abort(string reason) => watch.Fail(reason);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (isDisposed)
        {
            return;
        }

        isDisposed = true;
        AppDomain.CurrentDomain.UnhandledException -= OnUnhandledException;
        if (watch.Leave())
        {
            EndEngine();
        }

        watch.Dispose();
    }

    // The watch has ended too, so nobody else would notice a process that freezes now.
    private void EndEngine()
    {
        using Timer limit = new(
            _ => end(watch.Describe(), string.Create(CultureInfo.InvariantCulture,
                $"{Engine} did not end within {maxSilence.TotalSeconds:F0} s after the last operation: another process is frozen or gone."),
                engine.Abort),
            null, maxSilence, Timeout.InfiniteTimeSpan);
        engine.Dispose();
    }

    private IPendingOperation Start(CollectiveCall call, Tensor? input, Tensor? output, TimeSpan? deadline = null)
    {
        ObjectDisposedException.ThrowIf(isDisposed, this);
        if (input is not null && (input.device_type, input.device_index) != (engine.Device.type, engine.Device.index))
        {
            string remedy = engine.Device.type == DeviceType.CPU ? "Use NCCL for GPUs." : "Move it there.";
            throw new ArgumentException($"{Engine} carries tensors of {engine.Device}, but this one is on {input.device}. {remedy}");
        }

        if (failure is { } error)
        {
            throw new DistributedException($"{call} was called after the process group had failed. {error.Message}", error);
        }

        long number = watch.Start(call, deadline ?? Deadline);
        try
        {
            return engine.Start(number, call, input, output);
        }
        catch (DistributedException cause)
        {
            watch.Fail(cause.Message);
            throw;
        }
    }

    private void OnUnhandledException(object sender, UnhandledExceptionEventArgs arguments) =>
        GroupFailure.Hold(this, arguments.ExceptionObject);

    private void EndProcess(string reason)
    {
        failure = new DistributedException(reason);
        engine.Fail(failure);
        if (isReady)
        {
            end(watch.Describe(), reason, engine.Abort);
        }
    }
}
