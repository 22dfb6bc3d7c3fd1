using System.Globalization;

namespace Diffusion.Training;

/// <summary>
/// Finds a loss that does not fall, or falls much too slowly. It looks at the log-SNR range with the lowest relative loss: in any run that
/// learns, that loss falls to a small fraction of the power of the target within a few hundred steps.
/// </summary>
internal sealed class LearningCheck : IHealthCheck
{
    private const long FirstStep = 500;
    private const long StepsAfterWarmup = 300;
    private const double LearnedNothing = 0.95;
    private const double LearnedLittle = 0.35;
    private const double WorseThanZero = 1.5;

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
            $"After {last.Step} steps, the loss is {last.RelativeLoss:P0} of the loss of predicting zero, and {easiest:P0} in the easiest "
                + $"log-SNR range.");
        Dictionary<string, double> figures = new(StringComparer.Ordinal)
        {
            ["relativeLoss"] = last.RelativeLoss, ["easiestRelativeLoss"] = easiest, ["learningRate"] = last.LearningRate,
        };
        string lower = run.LowerRate;
        string higher = run.Rates.Higher is { } rate
            ? $"Raise {rate}, or measure it with LrRangeFinder."
            : string.Create(CultureInfo.InvariantCulture,
                $"Measure LearningRate.Peak with LrRangeFinder: {run.Options.LearningRate.Peak:G3} is already above the "
                    + $"usual {run.Rates.Usual:G2}.");
        if (easiest >= LearnedNothing)
        {
            return run.RateIsHigh
                ? Finding(FindingKind.Diverged,
                    "The loss never fell, and samples stay noise. The usual cause is a learning rate that is too high.",
                    $"Lower {lower}, or measure it with LrRangeFinder.")
                : last.RelativeLoss > WorseThanZero
                ? Finding(
                    FindingKind.NotLearning,
                    "The outputs of the network are larger than their targets. The usual cause is that the initial weights of its last "
                        + "layer are far too large.",
                    $"Initialize the last layer with weights near zero. If they already are, lower {lower}.")
                : Finding(FindingKind.NotLearning,
                    "The learning rate is far too low, or the output of the network does not depend on its weights.", higher);
        }

        return easiest < LearnedLittle ? null
            : run.RateIsHigh
            ? Finding(FindingKind.LearningSlowly,
                "The usual cause is a learning rate that is too high: each step undoes the previous one.",
                $"Lower {lower}, or measure it with LrRangeFinder.")
            : Finding(
                FindingKind.LearningSlowly,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"The usual cause is a learning rate that is too low: samples stay blurry for longer than necessary. At this rate, "
                        + $"expect the first recognizable samples at step {run.FirstSamplesStep} or later."),
                higher);

        HealthFinding Finding(FindingKind kind, string meaning, string remedy) =>
            new(kind, last.Step, numbers, meaning, remedy) { Figures = figures };
    }
}
