using System.Globalization;

namespace Diffusion.Training;

/// <summary>Finds a loss that has stopped falling although even its easiest part is still high.</summary>
internal sealed class PlateauCheck : IHealthCheck
{
    private const int Windows = 20;
    private const long MinSteps = 400;
    private const double High = 0.15;
    private const double Fall = 0.02;

    public HealthFinding? Look(RunHistory run)
    {
        if (!run.LastHasLoss || run.Curve.Count < Windows || run.Last.Step < run.WarmupSteps + MinSteps)
        {
            return null;
        }

        // Compare the halves of the windows that cover enough steps.
        long span = Math.Max(MinSteps, run.Last.Step / 3);
        TrainingProgress[] last = [.. run.Curve.Where(window => window.Step > run.Last.Step - span)];
        if (last.Length < Windows || run.Curve[0].Step > run.Last.Step - span || last[0].Step < run.WarmupSteps)
        {
            return null;
        }

        double before = last.Take(last.Length / 2).Average(window => window.Loss);
        double after = last.Skip(last.Length / 2).Average(window => window.Loss);
        double easiest = run.Last.RelativeLossByLogSnr.Where(double.IsFinite).DefaultIfEmpty(double.NaN).Min();
        if (!(after > before * (1 - Fall)) || !(easiest > High))
        {
            return null;
        }

        return new HealthFinding(
            FindingKind.Plateau,
            run.Last.Step,
            string.Create(CultureInfo.InvariantCulture,
                $"Over the last {span} steps, the loss did not fall: its mean was {before:G3}, then {after:G3}. In the easiest log-SNR "
                    + $"range, it is still {easiest:P0} of the loss of predicting zero."),
            "The usual cause is a learning rate that is too high for further progress, or a network that is too small for these images.",
            string.Create(CultureInfo.InvariantCulture, $"Lower {run.LowerRate}. If that does not help, use a larger network."))
        {
            Figures = new Dictionary<string,
                double>(StringComparer.Ordinal) { ["before"] = before, ["after"] = after, ["easiestRelativeLoss"] = easiest },
        };
    }
}
