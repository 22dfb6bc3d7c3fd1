using System.Globalization;

namespace Diffusion.Training;

/// <summary>
/// Finds a loss that does not fall, or much too slowly. It looks at the quarter of the schedule that is easiest: its loss falls to a small
/// part of the target's power within a few hundred steps of any run that learns.
/// </summary>
internal sealed class LearningCheck : IHealthCheck
{
    private const long FirstStep = 500;
    private const long StepsAfterWarmup = 300;
    private const double LearntNothing = 0.95;
    private const double LearntLittle = 0.35;
    private const double LargerThanNothing = 1.5;

    public HealthFinding? Look(RunHistory run)
    {
        TrainingProgress last = run.Last;
        if (!run.LastHasLoss || last.Step < Math.Max(FirstStep, Math.Max(run.WarmupSteps, run.BeganAt) + StepsAfterWarmup))
        {
            return null;
        }

        double easiest = last.RelativeLossByLogSnr.Where(double.IsFinite).DefaultIfEmpty(double.NaN).Min();
        string numbers = string.Create(
            CultureInfo.InvariantCulture,
            $"After {last.Step} steps the loss is {last.RelativeLoss:P0} of that of always answering zero, and {easiest:P0} where "
                + $"that is least.");
        Dictionary<string, double> figures = new(StringComparer.Ordinal)
        {
            ["relativeLoss"] = last.RelativeLoss, ["easiestRelativeLoss"] = easiest, ["learningRate"] = last.LearningRate,
        };
        string lower = $"ower {run.LowerRate}";
        string higher = run.Rates.Higher is { } rate
            ? $"Raise {rate}, or measure it with LrRangeFinder."
            : string.Create(CultureInfo.InvariantCulture,
                $"Measure LearningRate.Peak with LrRangeFinder: {run.Options.LearningRate.Peak:G3} is above the usual "
                    + $"{run.Rates.Usual:G2} already.");
        if (easiest >= LearntNothing)
        {
            return run.RateIsHigh
                ? Finding(FindingKind.Diverged, "The loss never fell: the learning rate is usually too high, and samples stay noise.",
                    $"L{lower}, or measure it with LrRangeFinder.")
                : last.RelativeLoss > LargerThanNothing
                ? Finding(
                    FindingKind.NotLearning,
                    "The answers of the network are larger than what they are compared with: usually the weights of its last layer began "
                        + "far too large.",
                    $"Begin the last layer with weights near zero; where it does, l{lower}.")
                : Finding(FindingKind.NotLearning,
                    "The learning rate is far too low, or the network's answer does not depend on its weights.", higher);
        }

        return easiest < LearntLittle ? null
            : run.RateIsHigh
            ? Finding(FindingKind.LearningSlowly, "The learning rate is usually too high: each step undoes the one before.",
                $"L{lower}, or measure it with LrRangeFinder.")
            : Finding(
                FindingKind.LearningSlowly,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"The learning rate is usually too low: samples stay blurry long after the time they should take. At this rate the "
                        + $"first recognisable ones are due at step {run.FirstSamplesStep} at best."),
                higher);

        HealthFinding Finding(FindingKind kind, string meaning, string remedy) =>
            new(kind, last.Step, numbers, meaning, remedy) { Figures = figures };
    }
}
