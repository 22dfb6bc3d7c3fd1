using System.Globalization;

namespace Diffusion.Training;

/// <summary>Finds a loss that rose far above what it had been.</summary>
internal sealed class DivergenceCheck : IHealthCheck
{
    private const long FirstStep = 50;
    private const double MaxRelativeLoss = 2;
    private const double Rise = 2;
    private const double RelativeRise = 0.25;
    private const double Significance = 6;
    private const double SignificanceAboveNothing = 2; // A loss that shoots up within one report is uncertain itself.

    public HealthFinding? Look(RunHistory run)
    {
        if (!run.LastHasLoss || run.Best is not { } best || run.Last.Step < FirstStep)
        {
            return null;
        }

        TrainingProgress last = run.Last;
        double rise = double.IsInfinity(last.LossDeviation)
            ? double.PositiveInfinity // so large a loss that its square has no number
            : (last.Loss - best.Loss) / RunHistory.ErrorOf(last);
        bool hasDoubled = last.Loss > Rise * best.Loss;
        bool hasRisen = hasDoubled && rise > Significance && last.RelativeLoss > best.RelativeLoss + RelativeRise;
        bool isWorseThanNothing = hasDoubled && rise > SignificanceAboveNothing && last.RelativeLoss > MaxRelativeLoss;
        if (!hasRisen && !isWorseThanNothing)
        {
            return null;
        }

        return new HealthFinding(
            FindingKind.Diverged,
            last.Step,
            string.Create(CultureInfo.InvariantCulture,
                $"The loss is {last.Loss:G3}, {last.Loss / best.Loss:G2} times the {best.Loss:G3} of step {best.Step}."),
            "The learning rate is usually too high, or lacks a warm-up.",
            string.Create(CultureInfo.InvariantCulture,
                $"Lower {run.LowerRate}, and resume from a checkpoint of step {run.LastGoodStep} or before; LrRangeFinder measures "
                    + $"the right one."))
        {
            LastGoodStep = run.LastGoodStep,
            Figures = new Dictionary<string,
                double>(StringComparer.Ordinal) { ["loss"] = last.Loss, ["lowestLoss"] = best.Loss, ["learningRate"] = last.LearningRate },
        };
    }
}
