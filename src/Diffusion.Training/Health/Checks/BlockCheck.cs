using System.Globalization;

namespace Diffusion.Training;

/// <summary>Finds a block of the network whose gradients are far larger than those of the other blocks, or nearly zero.</summary>
internal sealed class BlockCheck : IHealthCheck
{
    private const int Reports = 3;
    private const int MinBlocks = 4;
    private const double Explosion = 1000;
    private const double Vanishing = 1e-6;

    public HealthFinding? Look(RunHistory run)
    {
        TrainingProgress[] last = [.. run.Reports.TakeLast(Reports)];
        if (!run.LastHasLoss || last.Length < Reports || last.Any(report => report.GradientsByBlock.Count < MinBlocks))
        {
            return null;
        }

        foreach (string block in run.Last.GradientsByBlock.Keys)
        {
            double[] ratios = [.. last.Select(report => report.GradientsByBlock[block] / Median(report.GradientsByBlock))];
            if (ratios.All(ratio => ratio > Explosion))
            {
                return run.RateIsHigh
                    ? Finding(
                        FindingKind.ExplodingGradients, run, block, ratios[^1],
                            "The usual cause is a learning rate that is too high and has made the weights far too large.",
                        $"Lower {run.LowerRate}, or measure it with LrRangeFinder.")
                    : Finding(
                        FindingKind.ExplodingGradients, run, block, ratios[^1], "The usual cause is that its weights are far too large.",
                        $"Change the initialization of {block}: it amplifies its input.");
            }

            if (ratios.All(ratio => ratio < Vanishing))
            {
                return Finding(
                    FindingKind.VanishingGradients, run, block, ratios[^1],
                        "The output of this block does not reach the loss, or its input is nearly zero.",
                    $"Check that the network uses the output of {block} and that its weights are not zero. For parameters that should not "
                        + "be trained, set requires_grad to false.");
            }
        }

        return null;
    }

    // The median of the blocks that have gradients, even if most blocks have none.
    private static double Median(IReadOnlyDictionary<string, double> gradients)
    {
        double[] sorted = [.. gradients.Values.Where(gradient => gradient > 0).Order()];
        return sorted.Length == 0 ? double.NaN : sorted[sorted.Length / 2];
    }

    private static HealthFinding Finding(FindingKind kind, RunHistory run, string block, double ratio, string meaning, string remedy) =>
        new(
        kind,
        run.Last.Step,
        string.Create(CultureInfo.InvariantCulture,
            $"In the last {Reports} reports, the gradients of {block} are {ratio:G2} times the median of all blocks."),
        meaning,
        remedy)
    {
        Figures = new Dictionary<string,
            double>(StringComparer.Ordinal) { [block] = run.Last.GradientsByBlock[block], ["usual"] = Median(run.Last.GradientsByBlock) },
    };
}
