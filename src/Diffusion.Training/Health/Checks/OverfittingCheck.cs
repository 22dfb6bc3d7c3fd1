using System.Globalization;
using Diffusion.Data;

namespace Diffusion.Training;

/// <summary>Finds a held-out loss that rises while the training loss does not.</summary>
internal sealed class OverfittingCheck : IHealthCheck
{
    private const double Rise = 1.1;
    private const int Measurements = 3;
    private const double Significance = 4;

    public HealthFinding? Look(RunHistory run)
    {
        double[] measured = [.. run.HeldOutLosses];
        if (!run.LastHasLoss || measured.Length <= Measurements || run.Best is not { } lowest)
        {
            return null;
        }

        // A single report may be low by chance, so the training loss must exceed it significantly to count as rising.
        double best = measured[..^Measurements].Min();
        double risen = run.Last.Loss - lowest.Loss;
        bool trainingRises = risen > (Rise - 1) * lowest.Loss && risen > Significance * RunHistory.ErrorOf(run.Last);
        if (measured[^Measurements..].Any(loss => loss < Rise * best) || trainingRises)
        {
            return null;
        }

        return new HealthFinding(
            FindingKind.Overfitting,
            run.Last.Step,
            string.Create(CultureInfo.InvariantCulture,
                $"The held-out loss rose from {best:G3} to {measured[^1]:G3}, while the training loss is {run.Last.Loss:G3}."),
            "The network overfits.",
            "Stop here and use the checkpoint with the lowest held-out loss (KeepBestCheckpoints), or train with more images, "
                + "ImageTransform.RandomFlip, or Dropout 0.1.")
        {
            Figures = new Dictionary<string,
                double>(StringComparer.Ordinal) { ["lowestHeldOutLoss"] = best, ["heldOutLoss"] = measured[^1], ["loss"] = run.Last.Loss },
        };
    }
}
