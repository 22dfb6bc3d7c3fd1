using System.Diagnostics.Metrics;
using Diffusion.Data;
using Diffusion.Training;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Diffusion.Hosting;

/// <summary>
/// A run in a host: it trains on a thread of its own, saves and ends when the host stops, and resumes when it is started again. A run that
/// fails does not end the host; its health check becomes unhealthy. Get it as a keyed service by its name.
/// </summary>
public sealed class HostedTraining : IHostedService, IDisposable
{
    private readonly Lock gate = new();
    private readonly IServiceProvider services;
    private readonly HostedTrainingBuilder builder;
    private readonly ILogger logger;
    private HostedRun? current;
    private volatile bool isHostStopping;

    internal HostedTraining(IServiceProvider services, HostedTrainingBuilder builder)
    {
        (this.services, this.builder) = (services, builder);
        logger = services.GetService<ILoggerFactory>()?.CreateLogger("Diffusion.Training") ?? NullLogger.Instance;
    }

    /// <summary>The name of the run.</summary>
    public string Name => builder.Name;

    /// <summary>What the run is doing.</summary>
    public HostedTrainingStatus Status => Current?.Status ?? HostedTrainingStatus.Idle;

    /// <summary>The last report; null before the first one of a run.</summary>
    public TrainingProgress? Progress => Current?.Feed.Latest;

    /// <summary>The findings since the run was started, in the order in which they were found.</summary>
    public IReadOnlyList<HealthFinding> Findings => [.. Current?.Findings ?? []];

    /// <summary>Why the run ended; null before its end, and for a run that failed.</summary>
    public StopReason? StopReason => Current?.StopReason;

    /// <summary>The error of a run that failed; otherwise null.</summary>
    public Exception? Error => Current?.Error;

    /// <summary>Ends with the current run, also if that fails; already ended if there is none.</summary>
    public Task Completion => Current?.Completion ?? Task.CompletedTask;

    internal bool RollsBack => Current?.RollsBack ?? false;

    private HostedTrainingOptions Options => services.GetRequiredService<IOptionsMonitor<HostedTrainingOptions>>().Get(Name);

    private HostedRun? Current
    {
        get
        {
            lock (gate)
            {
                return current;
            }
        }
    }

    /// <summary>Starts the run if <see cref="HostedTrainingOptions.StartsWithHost"/> says so. Called by the host.</summary>
    /// <param name="cancellationToken">Not used: the run starts in the background.</param>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        // A web server waits for its open responses before this service is stopped: the progress of a run must end before.
        services.GetService<IHostApplicationLifetime>()?.ApplicationStopping.Register(StopWithHost);
        if (Options.StartsWithHost && !isHostStopping)
        {
            TryBegin(edit: null);
        }

        return Task.CompletedTask;
    }

    /// <summary>
    /// Starts the run, which resumes if its folder contains a checkpoint, and waits until the trainer is built.
    /// </summary>
    /// <param name="edit">Edits the options of this run, after every other edit. Default null: none.</param>
    /// <param name="cancellationToken">Ends the wait, not the run.</param>
    /// <returns>False if the run is already starting or running; nothing changed.</returns>
    /// <exception cref="InvalidOperationException">The host is stopping.</exception>
    /// <inheritdoc cref="TrainerBuilder.Build" path="/exception"/>
    public async Task<bool> TryStartAsync(Action<TrainingOptions>? edit = null, CancellationToken cancellationToken = default)
    {
        if (TryBegin(edit) is not { } run)
        {
            return false;
        }

        try
        {
            await run.Begun.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch when (run.Begun.IsFaulted)
        {
            await run.Completion.ConfigureAwait(false); // so that the caller can start the run again at once
            throw;
        }

        return true;
    }

    /// <summary>
    /// Ends the run after its current step, and waits until it is saved. The host calls this method when it stops, with a token that
    /// expires at its shutdown limit (<c>HostOptions.ShutdownTimeout</c>). An application may call it too, and start the run again.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait. Its expiry is logged; the run resumes later from its last checkpoint.</param>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (Current is not { } run)
        {
            return;
        }

        run.Stop();
        try
        {
            await run.Completion.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            using IDisposable? scope = HostedTrainingLog.BeginRun(logger, Name);
            HostedTrainingLog.NotEnded(logger, Name);
        }
    }

    /// <summary>Yields the newest report and those that follow until the run ends, for any number of readers.</summary>
    /// <param name="cancellationToken">Ends the enumeration, not the run.</param>
    /// <returns>Reports in order. A slow reader misses reports, but never the newest. Empty if no run was started.</returns>
    public IAsyncEnumerable<TrainingProgress> ReadProgressAsync(CancellationToken cancellationToken = default) =>
        Current?.Feed.ReadAsync(cancellationToken) ?? AsyncEnumerable.Empty<TrainingProgress>();

    /// <summary>
    /// Copies the averaged weights: those of the current step while the run is running, otherwise those of the newest checkpoint. Where the
    /// averages are not on the device (<see cref="TrainingOptions.EmaOnCpu"/>, <see cref="DistributedOptions.ShardOptimizer"/>), they are
    /// always those of the newest checkpoint.
    /// </summary>
    /// <param name="precision">
    /// What the copy computes in: float32, or bfloat16 or float16 with rounded weights, as in <see cref="TrainedModel.Open"/>. Default
    /// float32.
    /// </param>
    /// <returns>A model on the device of the run, for sampling, which the caller disposes.</returns>
    /// <exception cref="ArgumentException">Samples cannot be computed in this precision on the device.</exception>
    /// <exception cref="CheckpointException">
    /// The run is not running, or its processes hold parts of the averages, and there is no intact checkpoint.
    /// </exception>
    public TrainedModel Snapshot(Precision precision = Precision.Float32)
    {
        InvalidOperationException? absence = null;
        try
        {
            if (Current?.Trainer is { } trainer)
            {
                return trainer.SnapshotEma(precision);
            }
        }
        catch (ObjectDisposedException)
        {
            // The run has just ended, and its last checkpoint is saved.
        }
        catch (InvalidOperationException error)
        {
            absence = error;
        }

        HostedTrainingOptions options = Options;
        try
        {
            return TrainedModel.Open(Current?.RunFolder ?? options.Training.RunFolder!, network: builder.Model is null ? null : CreateModel,
                device: ComputeDevice.Parse(options.Device), precision: precision);
        }
        catch (CheckpointException error) when (absence is not null)
        {
            throw new CheckpointException($"{absence.Message} {error.Message}", error);
        }
    }

    /// <summary>Frees resources after the run has ended. The host calls <see cref="StopAsync"/> before.</summary>
    public void Dispose()
    {
        if (Current is { Completion.IsCompleted: true } run)
        {
            run.Dispose();
        }
    }

    /// <summary>Adds a finding to the current run.</summary>
    internal void Take(HealthFinding finding) => Current?.Findings.Enqueue(finding);

    private void StopWithHost()
    {
        HostedRun? run;
        lock (gate)
        {
            isHostStopping = true;
            run = current;
        }

        run?.Stop();
    }

    private HostedRun? TryBegin(Action<TrainingOptions>? edit)
    {
        lock (gate)
        {
            if (isHostStopping)
            {
                throw new InvalidOperationException(
                    $"Training '{Name}' cannot start: its host is stopping, and would end before the run is saved. "
                    + "Start it after the host was started again.");
            }

            if (current is { Completion.IsCompleted: false })
            {
                return null;
            }

            current?.Dispose();
            HostedRun run = current = new HostedRun();
            run.Start((begun, stop) => Train(begun, edit, stop), Tell);
            return run;
        }
    }

    private void Tell(Exception error)
    {
        using IDisposable? scope = HostedTrainingLog.BeginRun(logger, Name);
        HostedTrainingLog.Failed(logger, error, Name);
    }

    private void Train(HostedRun run, Action<TrainingOptions>? edit, CancellationToken stop)
    {
        HostedTrainingOptions options = Options;
        (string? runFolder, bool rollsBack) = (null, false);
        using IImageSource images = OpenImages(options);
        using IDiffusionModel model = CreateModel(images);
        TrainerBuilder trainerBuilder = Trainer.For(model)
            .UseOptions(options.Training)
            .UseDevice(ComputeDevice.Parse(options.Device))
            .UseData(images)
            .UseLogger(logger)
            .UseTelemetry(Name, services.GetService<IMeterFactory>())
            .ReportTo(run.Feed)
            .ReportFindingsTo(Take);
        builder.Edit?.Invoke(services, trainerBuilder);
        trainerBuilder
            .Configure(edited => edit?.Invoke(edited))
            .Configure(edited =>
                (runFolder, rollsBack) = (edited.RunFolder, edited.Health.OnDivergence == DivergencePolicy.RollBack));
        using Trainer trainer = trainerBuilder.Build();
        run.Train(trainer, runFolder, rollsBack, stop);
    }

    private IImageSource OpenImages(HostedTrainingOptions options) =>
        builder.Data?.Invoke(services) ?? ImageFolder.Open(options.Images!, options.ImageSize);

    private IDiffusionModel CreateModel(IImageSource images) => builder.Model?.Invoke(services, images)
        ?? Options.Training.Objective.CreateNetwork(images.Shape, Options.Network, images.ClassCount);

    private IDiffusionModel CreateModel()
    {
        using IImageSource images = OpenImages(Options);
        return CreateModel(images);
    }
}
