namespace Diffusion.Training;

/// <summary>One sweep of the learning rate.</summary>
internal sealed class LrSweep : IDisposable
{
    private const double DivergedFactor = 10;

    private readonly LrRangeOptions range;
    private readonly TrialRun trial;
    private readonly int batchSize;
    private readonly int microBatchSize;
    private readonly List<double> losses = [];
    private double startLoss = double.NaN;

    /// <param name="setup">The run.</param>
    /// <param name="range">What is tried.</param>
    public LrSweep(TrainerSetup setup, LrRangeOptions range)
    {
        this.range = range;
        TrainingOptions options = setup.Options.Copy();
        (options.Ema, options.AdditionalEma) = (EmaOptions.None, []);
        options.Health = options.Health with { MaxGradientNorm = null }; // the sweep judges by the loss
        batchSize = options.BatchSize;
        microBatchSize = options.MicroBatchSize ?? batchSize;
        trial = new TrialRun(setup with { Options = options });
    }

    /// <summary>Tries every rate, until one does harm.</summary>
    public LrRange Run(IProgress<LrRangePoint>? progress, CancellationToken cancellationToken)
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

    public void Dispose() => trial.Dispose();

    private LrRangeEnd Sweep(IProgress<LrRangePoint>? progress, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using LrEvaluation evaluation = new(trial, (long)range.Steps * batchSize, range.EvaluationImages ?? batchSize, cancellationToken);
        startLoss = evaluation.Measure(microBatchSize);
        if (!double.IsFinite(startLoss))
        {
            return LrRangeEnd.NotFinite;
        }

        while (losses.Count < range.Steps)
        {
            cancellationToken.ThrowIfCancellationRequested();
            double rate = range.RateAt(losses.Count);
            trial.Step(rate, cancellationToken);
            double loss = evaluation.Measure(microBatchSize);
            if (!double.IsFinite(loss) || trial.Parts.State.Update.SkippedInARow.item<float>() > 0)
            {
                return LrRangeEnd.NotFinite;
            }

            losses.Add(loss);
            trial.Parts.Reporter.Shield("progress observer",
                () => progress?.Report(new LrRangePoint(rate, loss, loss)), cancellationToken);
            if (loss >= DivergedFactor * startLoss)
            {
                return LrRangeEnd.Diverged;
            }
        }

        return LrRangeEnd.Completed;
    }
}
