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
    /// <returns>The candidates with their losses; null if it was canceled.</returns>
    public static LrConfirmation? Run(TrainerSetup setup, LrRangeOptions range, double lowest, CancellationToken cancellationToken)
    {
        long began = setup.Time.GetTimestamp();
        TimeSpan elapsed = TimeSpan.Zero;
        List<LrCandidate> candidates = [];
        foreach (double rate in Parts.Select(part => part * lowest).Where(rate => rate >= range.Lowest))
        {
            using TrialRun trial = new(setup, cancellationToken);
            try
            {
                candidates.Add(new LrCandidate(rate, LossAfter(trial, range, rate)));
                elapsed = trial.Longest(setup.Time.GetElapsedTime(began));
            }
            catch (OperationCanceledException) when (trial.IsCanceled)
            {
                return null;
            }
        }

        return new LrConfirmation(candidates, range.ConfirmationSteps, elapsed);
    }

    private static double LossAfter(TrialRun trial, LrRangeOptions range, double rate)
    {
        int steps = range.ConfirmationSteps;
        int batch = trial.Setup.Options.BatchSize;
        using LrEvaluation evaluation = new(trial, (long)steps * batch, range.EvaluationImages ?? Math.Max(batch, MinImages));
        double warmup = Math.Max(1, steps / WarmupShare);
        for (int step = 1; step <= steps; step++)
        {
            trial.ThrowIfCanceled();
            trial.Step(rate * Math.Min(1, step / warmup));
        }

        bool isBroken = trial.Parts.State.Update.Skipped.Read<float>() > 0;
        double loss = evaluation.Measure();
        return isBroken || !double.IsFinite(loss) ? double.PositiveInfinity : loss;
    }
}
