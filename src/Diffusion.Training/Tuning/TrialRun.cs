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
    private readonly TrainingPass pass;
    private readonly int batchSize;
    private readonly int microBatchSize;

    /// <param name="run">The run that is tried.</param>
    public TrialRun(TrainerSetup run)
    {
        TrainingOptions options = run.Options.Copy();
        options.Precision = PrecisionChoice.Of(run);
        options.RunFolder = null;
        batchSize = options.BatchSize;
        microBatchSize = options.MicroBatchSize ?? batchSize;
        try
        {
            belongings.Add(new GeneratorScope());
            belongings.Add(new ThreadCountScope());
            IDiffusionModel copy = belongings.Add(Copy(run.Model));
            belongings.Add(new GradientCheckpointingScope(run with { Model = copy, Options = options }));
            setup = run with { Model = copy, Options = options, Observers = [], FindingObservers = [], Previews = [], RunObservers = [] };
            Parts = belongings.Add(new TrainingParts(setup));
            pass = new TrainingPass(Parts.Denoiser, setup.Objective, Parts.Seeds, Parts.State.Objective) { StratifyOver = batchSize };
            Device = setup.Device.Activate();
            BatchPlan plan = new() { StepSize = batchSize, BatchSize = microBatchSize };
            loader = belongings.Add(new BatchLoader(setup.Source, Parts.State.Data.Order(), plan, Parts.Seeds, options.Loading, Device,
                Parts.OnBadImage));
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
        if (pass.Accumulate(loader, state.Parameters, batchSize, microBatchSize, cancellationToken: cancellationToken) is not null)
        {
            state.Update.Apply(state.Step + 1, rate, (state.Step + 1) * batchSize, batchSize);
        }

        state.Step++;
    }

    public void Dispose() => belongings.Dispose();

    private static IDiffusionModel Copy(IDiffusionModel model)
    {
        IDiffusionModel twin = ModelTwin.Of(model);
        ModelTwin.CopyWeights(model, twin);
        if (model.Checkpointing is { } given && twin.Checkpointing is { } layers)
        {
            layers.GradientCheckpointing = given.GradientCheckpointing;
        }

        return twin;
    }
}
