using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>One sweep of the learning rate, over a copy of the model.</summary>
internal sealed class LrSweep : IDisposable
{
    private const double DivergedFactor = 10;

    private readonly Belongings belongings = new();
    private readonly TrainerSetup setup;
    private readonly LrRangeOptions range;
    private readonly TrainingParts parts;
    private readonly Device device;
    private readonly int batchSize;
    private readonly int microBatchSize;
    private readonly List<double> losses = [];
    private double startLoss = double.NaN;

    /// <param name="setup">What the run is made of, without folder and averages.</param>
    /// <param name="range">What is tried.</param>
    public LrSweep(TrainerSetup setup, LrRangeOptions range)
    {
        this.range = range;
        batchSize = setup.Options.BatchSize;
        microBatchSize = setup.Options.MicroBatchSize ?? batchSize;
        try
        {
            belongings.Add(new KeptGenerator());
            this.setup = setup with { Model = belongings.Add(Copy(setup.Model)) };
            belongings.Add(new LayersComputedAgain(this.setup.Model, setup.Options));
            parts = belongings.Add(new TrainingParts(this.setup, OnBadImage));
            device = setup.Device.Activate();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Tries every rate, until one does harm.</summary>
    public LrRange Run(IProgress<LrRangeProgress>? progress, CancellationToken cancellationToken)
    {
        LrRangeEnd end;
        try
        {
            end = Sweep(progress, cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            end = LrRangeEnd.Cancelled;
        }

        return LrRangeReading.Of(losses, startLoss, end, range);
    }

    public void Dispose() => belongings.Dispose();

    private LrRangeEnd Sweep(IProgress<LrRangeProgress>? progress, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using LrEvaluation evaluation = new(setup, parts, (long)range.Steps * batchSize, range.EvaluationImages ?? batchSize, OnBadImage, cancellationToken);
        BatchPlan plan = new() { StepSize = batchSize, BatchSize = microBatchSize };
        using BatchLoader loader = new(setup.Source, parts.State.Data.Order(), plan, parts.Seeds, setup.Options.Loading, device, OnBadImage);
        startLoss = evaluation.Measure(microBatchSize);
        if (!double.IsFinite(startLoss))
        {
            return LrRangeEnd.NotFinite;
        }

        while (losses.Count < range.Steps)
        {
            cancellationToken.ThrowIfCancellationRequested();
            double rate = range.RateAt(losses.Count);
            Step(loader, rate, cancellationToken);
            double loss = evaluation.Measure(microBatchSize);
            if (!double.IsFinite(loss) || parts.State.Update.SkippedInARow.item<float>() > 0)
            {
                return LrRangeEnd.NotFinite;
            }

            losses.Add(loss);
            parts.Reporter.Shield("progress observer", () => progress?.Report(new LrRangeProgress(losses.Count, range.Steps, rate, loss)));
            if (loss >= DivergedFactor * startLoss)
            {
                return LrRangeEnd.Diverged;
            }
        }

        return LrRangeEnd.Completed;
    }

    private static IDiffusionModel Copy(IDiffusionModel model)
    {
        IDiffusionModel twin = model.CreateTwin();
        Dictionary<string, Parameter> to = twin.Network.named_parameters().ToDictionary(p => p.name, p => p.parameter, StringComparer.Ordinal);
        using IDisposable noGradients = no_grad();
        foreach ((string name, Parameter from) in model.Network.named_parameters())
        {
            to[name].copy_(from);
            to[name].requires_grad = from.requires_grad;
        }

        if (model is IGradientCheckpointing { GradientCheckpointing: true } && twin is IGradientCheckpointing layers)
        {
            layers.GradientCheckpointing = true;
        }

        return twin;
    }

    private void Step(BatchLoader loader, double rate, CancellationToken cancellationToken)
    {
        using DisposeScope step = NewDisposeScope();
        TrainingState state = parts.State;
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

    private void Backward(ImageBatch batch)
    {
        long[] positions = batch.Positions.ToArray();
        Tensor timesteps = tensor([.. positions.Select(TimestepOf)]);
        if (!setup.Model.DrawsRandomNumbers)
        {
            Backward();
            return;
        }

        using (GlobalGenerator.Hold(parts.Seeds.Derive(RandomPurpose.Dropout, positions[0])))
        {
            Backward();
        }

        void Backward()
        {
            Tensor loss = parts.MeasuringObjective.Loss(batch.Pixels, batch.ConditioningOf(setup.Model, device), timesteps, positions);
            BackwardPass.Run(loss.Times((double)microBatchSize / batchSize), setup.Model);
        }
    }

    // Place i of a batch draws from stretch i of the schedule: images come in random order, so that each meets every timestep.
    private long TimestepOf(long position)
    {
        double place = (position % batchSize) + parts.Seeds.Uniform(RandomPurpose.Timestep, position);
        return (long)(place / batchSize * setup.Schedule.Timesteps);
    }

    private void OnBadImage(BadImage image) => TrainingLog.BadImage(setup.Logger, image.Name, image.Reason);
}
