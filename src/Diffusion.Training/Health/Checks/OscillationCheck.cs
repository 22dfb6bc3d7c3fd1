using System.Globalization;

namespace Diffusion.Training;

/// <summary>Finds a loss that goes up and down by far more than chance and does not fall.</summary>
internal sealed class OscillationCheck : IHealthCheck
{
    private const int Reports = 10;
    private const int MinTurns = 5;
    private const double Swing = 0.2;
    private const double Significance = 4;

    public HealthFinding? Look(RunHistory run)
    {
        if (!run.LastHasLoss || run.Reports.Count < Reports + 1)
        {
            return null;
        }

        TrainingProgress[] last = [.. run.Reports.TakeLast(Reports + 1)];
        double[] changes = [.. last.Zip(last.Skip(1), (before, after) => after.Loss - before.Loss)];
        double mean = last.Average(report => report.Loss);
        double swing = changes.Average(Math.Abs);
        double error = last.Average(RunHistory.ErrorOf) * Math.Sqrt(2);
        int turns = changes.Zip(changes.Skip(1)).Count(pair => pair.First * pair.Second < 0);
        bool falls = last.Skip(Reports / 2).Average(report => report.Loss) < 0.9 * last.Take(Reports / 2).Average(report => report.Loss);
        if (turns < MinTurns || swing < Swing * mean || swing < Significance * error || falls)
        {
            return null;
        }

        return new HealthFinding(
            FindingKind.Oscillating,
            run.Last.Step,
            string.Create(CultureInfo.InvariantCulture,
                $"Over the last {Reports} reports, the loss went up and down by {swing / mean:P0} of its mean of {mean:G3} "
                    + $"and did not fall."),
            "The usual cause is a learning rate that is too high.",
            string.Create(CultureInfo.InvariantCulture, $"Lower {run.LowerRate}, or double BatchSize."))
        {
            Figures = new Dictionary<string, double>(StringComparer.Ordinal) { ["loss"] = mean, ["swing"] = swing, ["turns"] = turns },
        };
    }
}
