using Diffusion.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// Training steps on a copy of the model, with an optimizer of their own: model, trainers, run folder, the process's CPU generator and
/// its number of CPU threads stay as they are, bit for bit. Nobody but the log hears of them.
/// </summary>
internal sealed class TrialRun : IDisposable
{
    private readonly DisposableStack belongings = new();
    private readonly TrainerSetup setup;
    private readonly BatchLoader loader;
    private readonly int batchSize;
    private readonly int microBatchSize;

    /// <param name="run">The run that is tried.</param>
    public TrialRun(TrainerSetup run)
    {
        TrainingOptions options = run.Options.Copy();
        options.RunFolder = null;
        batchSize = options.BatchSize;
        microBatchSize = options.MicroBatchSize ?? batchSize;
        try
        {
            belongings.Add(new GeneratorScope());
            belongings.Add(new ThreadCountScope());
            IDiffusionModel copy = belongings.Add(Copy(run.Model));
            belongings.Add(new GradientCheckpointingScope(copy, options));
            setup = run with { Model = copy, Options = options, Observers = [], FindingObservers = [], Previews = [] };
            Parts = belongings.Add(new TrainingParts(setup, OnBadImage));
            Device = setup.Device.Activate();
            BatchPlan plan = new() { StepSize = batchSize, BatchSize = microBatchSize };
            loader = belongings.Add(new BatchLoader(setup.Source, Parts.State.Data.Order(), plan, Parts.Seeds, options.Loading, Device,
                OnBadImage));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The run, over the copy.</summary>
    public TrainerSetup Setup => setup;

    /// <summary>What it works with.</summary>
    public TrainingParts Parts { get; }

    /// <summary>Where it runs.</summary>
    public Device Device { get; }

    /// <summary>How long images have been waited for so far.</summary>
    public TimeSpan Waited => loader.WaitTime;

    /// <summary>One optimizer step over the next batch, with timesteps spread evenly over it.</summary>
    /// <param name="rate">The learning rate.</param>
    /// <param name="cancellationToken">Ends a wait for images.</param>
    public void Step(double rate, CancellationToken cancellationToken)
    {
        using DisposeScope step = NewDisposeScope();
        TrainingState state = Parts.State;
        setup.Model.Network.train();
        int trained = 0;
        for (int first = 0; first < batchSize; first += microBatchSize)
        {
            using DisposeScope microBatch = NewDisposeScope();
            using ImageBatch batch = loader.Next(cancellationToken);
            if (!batch.Positions.IsEmpty)
            {
                Backward(batch);
                trained += microBatchSize;
            }
        }

        if (trained > 0)
        {
            using (no_grad())
            {
                state.Parameters.Gradients.MultiplyBy((double)batchSize / trained);
            }

            state.Update.Apply(state.Step + 1, rate);
        }

        state.Step++;
    }

    /// <summary>Tells the log of an image that cannot be read.</summary>
    public void OnBadImage(BadImage image) => TrainingLog.BadImage(setup.Logger, image.Name, image.Reason);

    public void Dispose() => belongings.Dispose();

    private static IDiffusionModel Copy(IDiffusionModel model)
    {
        IDiffusionModel twin = ModelTwin.Of(model);
        ModelTwin.CopyWeights(model, twin);
        if (model is IGradientCheckpointing { GradientCheckpointing: true } && twin is IGradientCheckpointing layers)
        {
            layers.GradientCheckpointing = true;
        }

        return twin;
    }

    private void Backward(ImageBatch batch)
    {
        long[] positions = batch.Positions.ToArray();
        NoiseLevel[] levels = [.. positions.Select(LevelOf)];
        Parts.Gradients.Run(positions[0], () =>
        {
            Tensor loss = Parts.MeasuringObjective.Loss(batch.Pixels, batch.ConditioningOf(setup.Model, Device), levels, positions);
            return loss.Times((double)microBatchSize / batchSize);
        });
    }

    // Place i of a batch draws from stretch i of the schedule: images come in random order, so that each meets every timestep.
    private NoiseLevel LevelOf(long position)
    {
        double place = (position % batchSize) + Parts.Seeds.Uniform(RandomPurpose.Timestep, position);
        return Parts.MeasuringObjective.LevelAt(place / batchSize);
    }
}
