using System.Globalization;

namespace Diffusion.Training;

/// <summary>Finds a loss that has risen far above its minimum.</summary>
internal sealed class DivergenceCheck : IHealthCheck
{
    private const long FirstStep = 50;
    private const double MaxRelativeLoss = 2;
    private const double Rise = 2;
    private const double RelativeRise = 0.25;
    private const double Significance = 6;
    private const double SignificanceAboveZero = 2; // A loss that jumps within one report has a large standard error.

    public HealthFinding? Look(RunHistory run)
    {
        if (!run.LastHasLoss || run.Best is not { } best || run.Last.Step < FirstStep)
        {
            return null;
        }

        TrainingProgress last = run.Last;
        double rise = double.IsInfinity(last.LossDeviation)
            ? double.PositiveInfinity // the square of the loss overflows
            : (last.Loss - best.Loss) / RunHistory.ErrorOf(last);
        bool hasDoubled = last.Loss > Rise * best.Loss;
        bool hasRisen = hasDoubled && rise > Significance && last.RelativeLoss > best.RelativeLoss + RelativeRise;
        bool isWorseThanZero = hasDoubled && rise > SignificanceAboveZero && last.RelativeLoss > MaxRelativeLoss;
        if (!hasRisen && !isWorseThanZero)
        {
            return null;
        }

        return new HealthFinding(
            FindingKind.Diverged,
            last.Step,
            string.Create(CultureInfo.InvariantCulture,
                $"The loss is {last.Loss:G3}, {last.Loss / best.Loss:G2} times its minimum of {best.Loss:G3} at step {best.Step}."),
            "The usual cause is a learning rate that is too high or has no warm-up.",
            string.Create(CultureInfo.InvariantCulture,
                $"Lower {run.LowerRate}, and resume from a checkpoint of step {run.LastGoodStep} or earlier. LrRangeFinder measures a "
                    + $"suitable rate."))
        {
            LastGoodStep = run.LastGoodStep,
            Figures = new Dictionary<string,
                double>(StringComparer.Ordinal) { ["loss"] = last.Loss, ["lowestLoss"] = best.Loss, ["learningRate"] = last.LearningRate },
        };
    }
}
