using TorchSharp;

namespace Diffusion.Training;

/// <summary>Runs the short runs of an <see cref="LrConfirmation"/>.</summary>
internal static class LrTrials
{
    // Rates below the one with the lowest loss of a sweep, as parts of it: half a decade apart.
    private static readonly double[] Parts = [0.1, 0.316, 1];

    private const int WarmupShare = 10;
    private const int MinImages = 256;

    /// <summary>Trains at each candidate.</summary>
    /// <param name="setup">The run, without averages.</param>
    /// <param name="range">What is tried.</param>
    /// <param name="lowest">The rate with the lowest loss of the sweep.</param>
    /// <param name="cancellationToken">Ends a run between two steps.</param>
    /// <exception cref="OperationCanceledException">The token was canceled.</exception>
    public static LrConfirmation Run(TrainerSetup setup, LrRangeOptions range, double lowest, CancellationToken cancellationToken)
    {
        long began = setup.Time.GetTimestamp();
        LrCandidate[] candidates =
        [
            .. Parts.Select(part => part * lowest).Where(rate => rate >= range.Lowest)
                .Select(rate => new LrCandidate(rate, LossAfter(setup, range, rate, cancellationToken))),
        ];
        return new LrConfirmation(candidates, range.ConfirmationSteps, setup.Time.GetElapsedTime(began));
    }

    private static double LossAfter(TrainerSetup setup, LrRangeOptions range, double rate, CancellationToken cancellationToken)
    {
        using TrialRun trial = new(setup);
        int steps = range.ConfirmationSteps;
        int batch = setup.Options.BatchSize;
        using LrEvaluation evaluation = new(
            trial, (long)steps * batch, range.EvaluationImages ?? Math.Max(batch, MinImages), cancellationToken);
        double warmup = Math.Max(1, steps / WarmupShare);
        for (int step = 1; step <= steps; step++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            trial.Step(rate * Math.Min(1, step / warmup), cancellationToken);
        }

        bool isBroken = trial.Parts.State.Update.Skipped.Read<float>() > 0;
        double loss = evaluation.Measure(setup.Options.MicroBatchSize ?? batch);
        return isBroken || !double.IsFinite(loss) ? double.PositiveInfinity : loss;
    }
}
