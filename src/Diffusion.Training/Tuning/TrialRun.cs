using System.Text;
using Diffusion.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// Training steps on a copy of the model, with an optimizer of their own: model, trainers, run folder, the process's CPU generator and
/// its number of CPU threads stay as they are, bit for bit. Nobody but the log hears of them. Several processes make the steps together, as
/// in a run: each on its share of a batch.
/// </summary>
internal sealed class TrialRun : IDisposable
{
    private readonly DisposableStack belongings = new();
    private readonly TrainerSetup setup;
    private readonly BatchLoader loader;
    private readonly NoiseAhead? ahead;
    private readonly TrainingPass pass;
    private readonly CancellationToken cancellationToken;
    private readonly int batchSize;

    /// <param name="run">The run that is tried.</param>
    /// <param name="cancellationToken">Ends it between two steps or, in a single process, in a wait for images.</param>
    public TrialRun(TrainerSetup run, CancellationToken cancellationToken)
    {
        this.cancellationToken = cancellationToken;
        TrainingOptions options = run.Options.Copy();
        options.Precision = PrecisionChoice.Of(run).Precision;
        options.RunFolder = null;
        batchSize = options.BatchSize;
        try
        {
            belongings.Add(new GeneratorScope());
            belongings.Add(new ThreadCountScope());
            IDiffusionModel copy = belongings.Add(Copy(run.Model));
            setup = run with
            {
                Model = copy, Options = options, Observers = [], FindingObservers = [], Previews = [], Samples = [], RunObservers = [],
            };
            Parts = belongings.Add(new TrainingParts(setup));
            belongings.Add(new GradientCheckpointingScope(setup)); // Fit chooses for the passes that the parts have chosen
            pass = new TrainingPass(Parts.Denoiser, setup.Objective, Parts.Seeds, Parts.State.Objective) { StratifyOver = batchSize };
            Device = setup.Device.Activate();
            BatchPlan plan = new()
            {
                StepSize = batchSize, BatchSize = setup.MicroBatchSize,
                Rank = setup.Processes?.Group.Rank ?? 0, World = setup.Processes?.Group.WorldSize ?? 1,
            };
            loader = belongings.Add(new BatchLoader(setup.Source, Parts.State.Data.Order(), plan, Parts.Seeds, options.Loading, Device,
                Parts.OnBadImage));
            ahead = NoiseAhead.For(Device, plan, positions => pass.DrawNoise(positions, setup.Source.Shape, Device));
            if (ahead is not null)
            {
                belongings.Add(ahead);
            }

            Parts.Ranks?.Begin(Note(rate: 0));
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

    /// <summary>Whether it was canceled: of several processes any, before the last step that they made together.</summary>
    public bool IsCanceled => Parts.Ranks is { } ranks ? ranks.Stop is not null : cancellationToken.IsCancellationRequested;

    /// <summary>Ends a wait for images. Of several processes none ends alone.</summary>
    public CancellationToken WaitToken => Parts.Ranks is null ? cancellationToken : CancellationToken.None;

    /// <summary>Ends the trial if it was canceled.</summary>
    /// <exception cref="OperationCanceledException">It was.</exception>
    public void ThrowIfCanceled()
    {
        if (IsCanceled)
        {
            throw new OperationCanceledException(cancellationToken);
        }
    }

    /// <summary>One optimizer step over the next batch, with timesteps spread evenly over it.</summary>
    /// <param name="rate">The learning rate.</param>
    public void Step(double rate)
    {
        using DisposeScope step = NewDisposeScope();
        TrainingState state = Parts.State;
        setup.Model.Network.train();
        Tensor? loss = Parts.Ranks is { } together
            ? together.Accumulate(loader, ahead, pass, beforeFirst: null, () => Note(rate))
            : pass.AccumulateStep(loader, ahead, state.Parameters, batchSize, setup.MicroBatchSize, null, cancellationToken);
        if (loss is not null)
        {
            state.Update.Apply(state.Step + 1, rate, (state.Step + 1) * batchSize, batchSize);
        }

        state.Step++;
    }

    /// <summary>The longest of the times that the processes pass.</summary>
    /// <param name="own">That of this process.</param>
    public TimeSpan Longest(TimeSpan own) =>
        Parts.Ranks is { } ranks ? new TimeSpan(ranks.Exchange.Gather([own.Ticks]).Max(one => one[0])) : own;

    /// <summary>The text of rank 0.</summary>
    /// <param name="own">That of this process.</param>
    public string OfFirst(string own) =>
        Parts.Ranks is { } ranks ? Encoding.UTF8.GetString(ranks.Exchange.Gather(Encoding.UTF8.GetBytes(own))[0]) : own;

    /// <summary>Whether something holds for rank 0.</summary>
    /// <param name="own">Whether it holds for this process.</param>
    public bool HoldsForFirst(bool own) => Parts.Ranks is { } ranks ? ranks.OfFirst(own ? 1 : 0) == 1 : own;

    public void Dispose() => belongings.Dispose();

    private StepNote Note(double rate) => new(
        rate, cancellationToken.IsCancellationRequested ? StopReason.Canceled : null, loader.BadImages, Pauses: false);

    private static IDiffusionModel Copy(IDiffusionModel model)
    {
        IDiffusionModel twin = ModelTwin.Of(model);
        ModelTwin.CopyWeights(model, twin);

        // Fit is the choice of a run that trains the model meanwhile; the trial makes its own.
        if (model.Checkpointing?.GradientCheckpointing is { } blocks and not GradientCheckpointing.Fit
            && twin.Checkpointing is { } layers)
        {
            layers.GradientCheckpointing = blocks;
        }

        return twin;
    }
}
