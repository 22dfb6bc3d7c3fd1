using System.Globalization;

namespace Diffusion.Training;

/// <summary>Finds a held-out loss that rises while the training loss does not.</summary>
internal sealed class OverfittingCheck : IHealthCheck
{
    private const double Rise = 1.1;
    private const int Measurements = 3;

    public HealthFinding? Look(RunHistory run)
    {
        double[] losses = [.. run.Reports.Select(report => report.HeldOutLoss).OfType<double>().Where(double.IsFinite)];
        double[] measured = [.. losses.Where((loss, place) => place == 0 || loss != losses[place - 1])];
        if (!run.LastHasLoss || measured.Length <= Measurements)
        {
            return null;
        }

        double best = measured[..^Measurements].Min();
        if (measured[^Measurements..].Any(loss => loss < Rise * best) || run.Last.Loss > run.Best!.Loss * Rise)
        {
            return null;
        }

        return new HealthFinding(
            FindingKind.Overfitting,
            run.Last.Step,
            string.Create(CultureInfo.InvariantCulture, $"The held-out loss was {best:G3} and is {measured[^1]:G3}, while the training loss is {run.Last.Loss:G3}."),
            "The network learns its images by heart.",
            "Stop here and use the checkpoint with the lowest held-out loss (KeepBestCheckpoints), or train with more images, RandomFlip, or Dropout 0.1.")
        {
            Figures = new Dictionary<string, double>(StringComparer.Ordinal) { ["lowestHeldOutLoss"] = best, ["heldOutLoss"] = measured[^1], ["loss"] = run.Last.Loss },
        };
    }
}
