using System.Diagnostics;
using Diffusion.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// Trains a diffusion model. <see cref="Run"/> is a loop over public parts: <see cref="BatchLoader"/>, <see cref="TrainingPass"/>,
/// <see cref="ParameterUpdate"/>, <see cref="EmaWrapper"/> and <see cref="CheckpointStore"/>. An application that needs a different loop
/// can build it from the same parts.
/// </summary>
public sealed class Trainer : IDisposable
{
    private readonly RunGuard guard = new();
    private readonly TrainerSetup setup;
    private readonly TrainingOptions options;
    private readonly TrainingParts parts;
    private readonly TrainingState state;
    private readonly TrainingLoop loop;
    private readonly TrainedNetworks.Use claim;

    internal Trainer(TrainerSetup setup)
    {
        this.setup = setup;
        options = setup.Options;
        claim = TrainedNetworks.Claim(setup.Model.Network, this);
        using IDisposable? scope = TrainingLog.BeginRun(setup.Logger, setup.Run);
        try
        {
            parts = new TrainingParts(setup);
            state = parts.State;
            loop = new TrainingLoop(setup, parts);
            foreach (EmaWrapper average in state.Averages)
            {
                average.Hold = guard.Hold;
            }

            TrainingLog.Images(setup.Logger, setup.Source.Report.ToString(setup.Source.Description));
            if (TorchBackend.Warning is { } backend && setup.Device.Type == DeviceType.CPU)
            {
                TrainingLog.Unusual(setup.Logger, new TrainingWarning(nameof(TorchBackend), backend));
            }

            Warnings =
            [
                .. OptionWarnings.Of(options, setup.Schedule, state.Data.Split.TrainingCount,
                    state.Parameters.ParameterCount, setup.Model.DropoutProbability, setup.Optimizer),
                .. parts.PrecisionChoice.Warnings(setup.Device),
                .. RunMemory.Warnings(setup, parts.IsSplit),
                .. SourceWarnings.Of(setup.Source),
                .. ImageWarnings.Of(setup.Images, setup.Source, setup.Model.ClassCount),
                .. PipelineWarnings.Of(options, setup.Model.ClassCount, setup.Source.ClassCount,
                    setup.Previews.Where(preview => !preview.AlsoAtEnd).Select(preview => preview.EverySteps),
                    setup.Samples.Select(samples => samples.EverySteps), state.Data.Split.HeldOutCount, setup.Device.Type),
                .. parts.Folder?.Warnings ?? [],
                .. state.Step > 0
                    ? []
                    : NetworkWarnings.Of(parts.Denoiser, setup.Source.Shape, setup.MicroBatchSize),
            ];
            foreach (TrainingWarning warning in Warnings)
            {
                TrainingLog.Unusual(setup.Logger, warning);
            }
        }
        catch
        {
            parts?.Dispose(); // If a logger or a network throws, the folder must not stay locked.
            TrainedNetworks.Release(setup.Model.Network, claim, hasRawWeights: null);
            throw;
        }
    }

    /// <summary>
    /// Settings of this run that are valid but unusual. Each warning says what usually follows and what to use instead. The trainer also
    /// logs them.
    /// </summary>
    public IReadOnlyList<TrainingWarning> Warnings { get; }

    /// <summary>The number of optimizer steps taken so far.</summary>
    public long Step => state.Step;

    /// <summary>The number of images seen so far, including repeats.</summary>
    public long ImagesSeen => state.ImagesSeen;

    /// <summary>
    /// The model with the averaged weights, or with its own weights if there is no average. Other threads may sample it during training:
    /// each call of <see cref="Denoiser.Denoise"/> uses the average after one complete step, and the next call may use a later one. Where
    /// the average is not on the device (<see cref="TrainingOptions.EmaOnCpu"/>, <see cref="DistributedOptions.ShardOptimizer"/>), the call
    /// throws <see cref="InvalidOperationException"/>. Valid until this trainer is disposed; disposing waits for calls in progress.
    /// </summary>
    public Denoiser EmaDenoiser => parts.EmaDenoiser;

    /// <summary>
    /// The model with the weights of its last step, which are noisy; use it for comparisons. Otherwise the same as
    /// <see cref="EmaDenoiser"/>. Its <see cref="Denoiser.Model"/> is the model that was passed to <see cref="For"/>.
    /// </summary>
    public Denoiser RawDenoiser => parts.Denoiser;

    /// <summary>
    /// The first average, <see cref="TrainingOptions.Ema"/>; null if there is none. This trainer updates and disposes it.
    /// </summary>
    public EmaWrapper? Ema => state.Averages.Count == 0 ? null : state.Averages[0];

    /// <summary>The state that training changes.</summary>
    internal TrainingState State => state;

    /// <summary>Creates a builder for a trainer.</summary>
    /// <param name="model">
    /// The model to train. The caller owns it, but must not use it before the trainer is disposed. Then it has the weights of the last
    /// step, or the averaged weights after <see cref="EndWithAverages"/>.
    /// </param>
    public static TrainerBuilder For(IDiffusionModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return new TrainerBuilder(model);
    }

    /// <summary>
    /// Copies the averaged weights, or the model's own weights if there is no average, into a new model that is valid until it is disposed.
    /// Any thread may call this method during training; training waits between two steps for the copy.
    /// </summary>
    /// <param name="precision">
    /// What the copy computes in: float32, or bfloat16 or float16 with rounded weights, as in <see cref="TrainedModel.Open"/>. Default
    /// float32.
    /// </param>
    /// <returns>The copy, which the caller disposes. It needs the memory of the weights once more.</returns>
    /// <exception cref="ArgumentException">Samples cannot be computed in this precision on the device of the run.</exception>
    /// <exception cref="InvalidOperationException">
    /// The average is not on the device (<see cref="TrainingOptions.EmaOnCpu"/>, <see cref="DistributedOptions.ShardOptimizer"/>), and no
    /// run has ended.
    /// </exception>
    /// <exception cref="ObjectDisposedException">This trainer is disposed.</exception>
    public TrainedModel SnapshotEma(Precision precision = Precision.Float32)
    {
        NetworkRounding.CheckSampling(precision, setup.Device);
        return ModelSnapshot.Of(EmaDenoiser, () => state.Step, precision);
    }

    /// <summary>
    /// Disposes this trainer and copies the averaged weights into the model, in evaluation mode, to sample it, save it or train it further.
    /// The checkpoints contain both sets of weights.
    /// </summary>
    /// <exception cref="InvalidOperationException">
    /// The trainer is running, averaged weights are swapped in, or several processes hold parts of them
    /// (<see cref="DistributedOptions.ShardOptimizer"/>) and no run has ended. Nothing changed.
    /// </exception>
    /// <exception cref="ObjectDisposedException">This trainer is disposed.</exception>
    public void EndWithAverages()
    {
        Ema?.ThrowIfAbsent();
        ObjectDisposedException.ThrowIf(!guard.TryEnd(), this);
        using (WeightLock.Pass pass = state.Gate.Write())
        using (no_grad())
        {
            if (Ema is { } average)
            {
                state.Parameters.Values.copy_(average.Average);
            }
        }

        setup.Model.Network.eval();
        Free(hasRawWeights: false);
    }

    /// <summary>
    /// Trains until all steps are taken, the time limit expires, or the token is canceled, and then saves a checkpoint. A second call
    /// continues the run.
    /// </summary>
    /// <param name="cancellationToken">
    /// Ends the run between two steps or during a wait for images. This is not an error: the result says why the run ended.
    /// </param>
    /// <returns>How the run ended. Its denoisers are valid until this trainer is disposed.</returns>
    /// <exception cref="TrainingDivergedException">
    /// The gradients stayed infinite or NaN, or the loss diverged and <see cref="HealthOptions.OnDivergence"/> ends the run.
    /// </exception>
    /// <exception cref="CheckpointException">A checkpoint could not be saved.</exception>
    /// <exception cref="ImageDataException">An image cannot be read or lies outside [-1, 1].</exception>
    /// <exception cref="InvalidOperationException">The trainer is already running.</exception>
    /// <exception cref="ObjectDisposedException">This trainer is disposed.</exception>
    public TrainingResult Run(CancellationToken cancellationToken = default)
    {
        guard.Enter();
        return RunToEnd(cancellationToken);
    }

    /// <summary>Calls <see cref="Run"/> on a new thread. The trainer counts as running as soon as this method is called.</summary>
    /// <inheritdoc cref="Run"/>
    public Task<TrainingResult> RunAsync(CancellationToken cancellationToken = default)
    {
        guard.Enter();
        return Task.Factory.StartNew(() => RunToEnd(cancellationToken), CancellationToken.None, TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
    }

    /// <summary>
    /// Frees the training state and the averages after the calls of its denoisers in progress have ended; later calls throw
    /// <see cref="ObjectDisposedException"/>. The trained model keeps the weights of its last step.
    /// </summary>
    /// <exception cref="InvalidOperationException">
    /// The trainer is running, or averaged weights are swapped in. Nothing was freed.
    /// </exception>
    public void Dispose()
    {
        if (guard.TryEnd())
        {
            // Without an average, the weights of the last step are the only ones.
            Free(hasRawWeights: state.Step == 0 ? null : state.Averages.Count > 0);
        }
    }

    private void Free(bool? hasRawWeights)
    {
        foreach (EmaWrapper average in state.Averages)
        {
            average.Hold = null;
        }

        parts.Dispose();
        TrainedNetworks.Release(setup.Model.Network, claim, hasRawWeights);
        if (setup.Processes is { OwnsGroup: true } processes)
        {
            processes.Group.Dispose();
        }
    }

    private RunStart Start() => new()
    {
        Name = setup.Run,
        Options = options,
        Images = setup.Source,
        HeldOutImages = state.Data.Split.HeldOutCount,
        Device = setup.Device,
        ParameterCount = state.Parameters.ParameterCount,
        ModelClasses = setup.Model.ClassCount,
        Step = state.Step,
        FirstSamplesStep = parts.FirstSamplesStep,
        Statistics = setup.Images,
        Time = setup.Time,
        Warnings = Warnings,
    };

    private TrainingResult RunToEnd(CancellationToken cancellationToken)
    {
        using IDisposable? scope = TrainingLog.BeginRun(setup.Logger, setup.Run);
        using Activity? activity = TrainingActivity.StartRun(setup.Run);
        try
        {
            TrainingResult result = loop.Run(Start(), cancellationToken);
            activity?.SetTag("diffusion.stop_reason", result.StopReason.ToString());
            return result;
        }
        catch (Exception error)
        {
            activity.Fail(error);
            loop.ObserveError(error);
            throw;
        }
        finally
        {
            guard.Leave();
        }
    }
}
