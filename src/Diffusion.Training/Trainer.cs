using Diffusion.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// Trains a diffusion model. <see cref="Run"/> is one loop over public parts (<see cref="ISampleOrder"/>, <see cref="BatchLoader"/>,
/// <see cref="TrainingPass"/>, <see cref="ParameterUpdate"/>, <see cref="EmaWrapper"/>, <see cref="CheckpointStore"/>), so that an
/// application which needs another loop writes its own with them.
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
            Warnings =
            [
                .. OptionWarnings.Of(options, setup.Schedule, state.Data.Split.TrainingCount,
                    state.Parameters.ParameterCount, setup.Model.DropoutProbability),
                .. SourceWarnings.Of(setup.Source),
                .. ImageWarnings.Of(setup.Images, setup.Source, setup.Model.ClassCount),
                .. PipelineWarnings.Of(options, setup.Model.ClassCount, setup.Source.ClassCount,
                    setup.Previews.Select(preview => preview.EverySteps), state.Data.Split.HeldOutCount),
                .. parts.Folder?.Warnings ?? [],
                .. state.Step > 0
                    ? []
                    : NetworkWarnings.Of(parts.Denoiser, setup.Source.Shape, options.MicroBatchSize ?? options.BatchSize),
            ];
            foreach (TrainingWarning warning in Warnings)
            {
                TrainingLog.Unusual(setup.Logger, warning);
            }
        }
        catch
        {
            parts?.Dispose(); // A logger or a network that throws must not leave the folder locked.
            TrainedNetworks.Release(setup.Model.Network, claim, hasRawWeights: null);
            throw;
        }
    }

    /// <summary>
    /// What is possible but unusual about this run, each with what usually follows from it and what to use instead; also logged.
    /// </summary>
    public IReadOnlyList<TrainingWarning> Warnings { get; }

    /// <summary>Optimizer steps made so far.</summary>
    public long Step => state.Step;

    /// <summary>Images seen so far, repeats counted.</summary>
    public long ImagesSeen => state.ImagesSeen;

    /// <summary>
    /// The model with the averaged weights (its own where there is no average). Other threads may sample it while training continues: each
    /// call of <see cref="Denoiser.Denoise"/> sees the average after one whole step, the next call that after a later one. Valid until this
    /// trainer is disposed, which waits for the call in flight.
    /// </summary>
    public Denoiser EmaDenoiser => parts.EmaDenoiser;

    /// <summary>
    /// The model with the weights of its last step, which are noisy: for comparisons. Otherwise as <see cref="EmaDenoiser"/>; its
    /// <see cref="Denoiser.Model"/> is the model that was given to <see cref="For"/>.
    /// </summary>
    public Denoiser RawDenoiser => parts.Denoiser;

    /// <summary>
    /// The average of <see cref="TrainingOptions.EmaDecay"/>, which this trainer updates and frees; null where there is none.
    /// </summary>
    public EmaWrapper? Ema => state.Averages.Count == 0 ? null : state.Averages[0];

    /// <summary>Begins to put a trainer together.</summary>
    /// <param name="model">
    /// The model to train; it stays the caller's. It is the trainer's until that is disposed, and then holds the weights of the last step,
    /// or the averaged ones after <see cref="EndWithAverages"/>.
    /// </param>
    public static TrainerBuilder For(IDiffusionModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return new TrainerBuilder(model);
    }

    /// <summary>
    /// Copies the averaged weights (the model's own where there is no average) into a model of its own, which lives until it is disposed.
    /// It may be called from any thread while training continues, which waits meanwhile between two steps.
    /// </summary>
    /// <returns>The copy; it belongs to the caller. It takes the memory of the weights once more.</returns>
    /// <exception cref="ObjectDisposedException">This trainer was disposed.</exception>
    public DenoiserSnapshot SnapshotEma() => DenoiserSnapshot.Of(EmaDenoiser, () => state.Step);

    /// <summary>
    /// Disposes this trainer and leaves the averaged weights in the model, in evaluation mode: to sample or save it, or to train it
    /// further. The checkpoints keep both kinds of weights.
    /// </summary>
    /// <exception cref="InvalidOperationException">It is running, or averaged weights are swapped in; nothing was changed.</exception>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public void EndWithAverages()
    {
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
    /// Trains until all steps are made, the time limit passes, or the token is cancelled; then saves. Called again, it continues.
    /// </summary>
    /// <param name="cancellationToken">
    /// Ends the run between two steps, or in a wait for images. That is no error: the result says so.
    /// </param>
    /// <returns>How it ended; its denoisers live as long as this trainer.</returns>
    /// <exception cref="TrainingDivergedException">
    /// Gradients stayed infinite or not a number, or the loss diverged and <see cref="HealthOptions.OnDivergence"/> ends the run.
    /// </exception>
    /// <exception cref="CheckpointException">A checkpoint could not be saved.</exception>
    /// <exception cref="ImageDataException">An image cannot be read or lies outside [-1, 1].</exception>
    /// <exception cref="InvalidOperationException">It is running already.</exception>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public TrainingResult Run(CancellationToken cancellationToken = default)
    {
        guard.Enter();
        return RunToEnd(cancellationToken);
    }

    /// <summary><see cref="Run"/> on a thread of its own. It runs from this call on.</summary>
    /// <inheritdoc cref="Run"/>
    public Task<TrainingResult> RunAsync(CancellationToken cancellationToken = default)
    {
        guard.Enter();
        return Task.Factory.StartNew(() => RunToEnd(cancellationToken), CancellationToken.None, TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
    }

    /// <summary>
    /// Frees the training state and the averages, once the calls of its denoisers in flight have ended; later ones throw
    /// <see cref="ObjectDisposedException"/>. The model that was trained keeps the weights of its last step.
    /// </summary>
    /// <exception cref="InvalidOperationException">It is running, or averaged weights are swapped in; nothing was freed.</exception>
    public void Dispose()
    {
        if (guard.TryEnd())
        {
            // Without an average the weights of the last step are all there is.
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
    }

    private TrainingResult RunToEnd(CancellationToken cancellationToken)
    {
        try
        {
            return loop.Run(cancellationToken);
        }
        finally
        {
            guard.Leave();
        }
    }
}
