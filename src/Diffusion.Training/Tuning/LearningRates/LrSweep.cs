namespace Diffusion.Training;

/// <summary>One sweep of the learning rate.</summary>
internal sealed class LrSweep : IDisposable
{
    private const double DivergedFactor = 10;

    private readonly LrRangeOptions range;
    private readonly TrainerSetup setup;
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
        this.setup = setup with { Options = options };
        trial = new TrialRun(this.setup);
    }

    /// <summary>Tries every rate, until one does harm, and then trains at the rates that the curve suggests.</summary>
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

        LrRangeOptions tried = range.WithSteps(end == LrRangeEnd.NotFinite ? losses.Count + 1 : losses.Count);
        LrRange read = LrRangeReading.Of(losses, startLoss, end, tried);
        trial.Dispose();
        return range.ConfirmationSteps == 0 || read.Suggestion.LearningRate is not { } tenth || end == LrRangeEnd.Cancelled
            ? read
            : Confirm(read, tenth * LrRangeReading.Decade, cancellationToken);
    }

    public void Dispose() => trial.Dispose();

    private LrRange Confirm(LrRange read, double lowest, CancellationToken cancellationToken)
    {
        try
        {
            return LrRangeReading.Confirmed(read, LrTrials.Run(setup, range, lowest, cancellationToken));
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return read with { End = LrRangeEnd.Cancelled };
        }
    }

    private LrRangeEnd Sweep(IProgress<LrRangePoint>? progress, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using LrEvaluation evaluation = new(
            trial, (long)range.MaxSteps * batchSize, range.EvaluationImages ?? batchSize, cancellationToken);
        startLoss = evaluation.Measure(microBatchSize);
        if (!double.IsFinite(startLoss))
        {
            return LrRangeEnd.NotFinite;
        }

        while (losses.Count < range.MaxSteps && !HasRisen())
        {
            cancellationToken.ThrowIfCancellationRequested();
            double rate = range.RateAt(losses.Count);
            trial.Step(rate, cancellationToken);
            double loss = evaluation.Measure(microBatchSize);
            if (!double.IsFinite(loss) || trial.Parts.State.Update.SkippedInARow.Read<float>() > 0)
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

        return range.Highest is null && HasRisen() ? LrRangeEnd.Risen : LrRangeEnd.Completed;
    }

    // A sweep without a given end goes on to where the curve turns.
    private bool HasRisen() => losses.Count >= range.Steps && new LrCurve(losses, range, endedInHarm: false).Rises;
}
