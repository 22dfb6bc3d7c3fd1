namespace Diffusion.Training;

/// <summary>One sweep of the learning rate.</summary>
internal sealed class LrSweep : IDisposable
{
    private const double DivergedFactor = 10;

    private readonly LrRangeOptions range;
    private readonly TrainerSetup setup;
    private readonly TrialRun trial;
    private readonly CancellationToken cancellationToken;
    private readonly int batchSize;
    private readonly List<double> losses = [];
    private double startLoss = double.NaN;

    /// <param name="setup">The run.</param>
    /// <param name="range">What is tried.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public LrSweep(TrainerSetup setup, LrRangeOptions range, CancellationToken cancellationToken)
    {
        (this.range, this.cancellationToken) = (range, cancellationToken);
        TrainingOptions options = setup.Options.Copy();
        (options.Ema, options.AdditionalEma) = (EmaOptions.None, []);
        options.Health = options.Health with { MaxGradientNorm = null }; // the sweep judges by the loss
        batchSize = options.BatchSize;
        this.setup = setup with { Options = options };
        trial = new TrialRun(this.setup, cancellationToken);
    }

    /// <summary>Tries every rate, until one does harm, and then trains at the rates that the curve suggests.</summary>
    /// <param name="progress">Hears of each step; of several processes only in rank 0.</param>
    public LrRange Run(IProgress<LrRangePoint>? progress)
    {
        LrRangeEnd end;
        try
        {
            end = Sweep(setup.Processes is { IsFirst: false } ? null : progress);
        }
        catch (OperationCanceledException) when (trial.IsCanceled)
        {
            end = LrRangeEnd.Canceled;
        }

        LrRangeOptions tried = range.WithSteps(end == LrRangeEnd.NotFinite ? losses.Count + 1 : losses.Count);
        LrRange read = LrRangeReading.Of(losses, startLoss, end, tried);
        trial.Dispose();
        if (range.ConfirmationSteps == 0 || read.Suggestion.LearningRate is not { } tenth || end == LrRangeEnd.Canceled)
        {
            return read;
        }

        return LrTrials.Run(setup, range, tenth * LrRangeReading.Decade, cancellationToken) is { } confirmation
            ? LrRangeReading.Confirmed(read, confirmation)
            : read with { End = LrRangeEnd.Canceled };
    }

    public void Dispose() => trial.Dispose();

    private LrRangeEnd Sweep(IProgress<LrRangePoint>? progress)
    {
        if (trial.Parts.Ranks is { } ranks)
        {
            StartCheck.Compare(ranks.Exchange, range.ToJson());
        }

        trial.ThrowIfCanceled();
        using LrEvaluation evaluation = new(trial, (long)range.MaxSteps * batchSize, range.EvaluationImages ?? batchSize);
        startLoss = evaluation.Measure();
        if (!double.IsFinite(startLoss))
        {
            return LrRangeEnd.NotFinite;
        }

        while (losses.Count < range.MaxSteps && !HasRisen())
        {
            trial.ThrowIfCanceled();
            double rate = range.RateAt(losses.Count);
            trial.Step(rate);
            double loss = evaluation.Measure();
            if (!double.IsFinite(loss) || trial.Parts.State.Update.SkippedInARow.Read<float>() > 0)
            {
                return LrRangeEnd.NotFinite;
            }

            losses.Add(loss);
            trial.Parts.Reporter.Shield("progress observer",
                () => progress?.Report(new LrRangePoint(rate, loss, loss)), trial.WaitToken);
            if (loss >= DivergedFactor * startLoss)
            {
                return LrRangeEnd.Diverged;
            }
        }

        return range.Highest is null && HasRisen() ? LrRangeEnd.Risen : LrRangeEnd.Completed;
    }

    // A sweep without a given end continues to where the curve turns.
    private bool HasRisen() => losses.Count >= range.Steps && new LrCurve(losses, range, endedInHarm: false).Rises;
}
