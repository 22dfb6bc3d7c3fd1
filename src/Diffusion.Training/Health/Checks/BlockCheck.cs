using System.Globalization;

namespace Diffusion.Training;

/// <summary>Finds a block of the network whose gradients are far larger than those of all others, or next to nothing.</summary>
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
            double[] shares = [.. last.Select(report => report.GradientsByBlock[block] / Usual(report.GradientsByBlock))];
            if (shares.All(share => share > Explosion))
            {
                return run.RateIsHigh
                    ? Finding(
                        FindingKind.ExplodingGradients, run, block, shares[^1],
                            "The learning rate is usually too high: it has made weights far too large.",
                        $"Lower {run.LowerRate}, or measure it with LrRangeFinder.")
                    : Finding(
                        FindingKind.ExplodingGradients, run, block, shares[^1], "Its weights are usually far too large.",
                        $"Start {block} from other weights: its initialisation multiplies what comes in.");
            }

            if (shares.All(share => share < Vanishing))
            {
                return Finding(
                    FindingKind.VanishingGradients, run, block, shares[^1],
                        "What this block answers does not reach the loss, or its input is next to nothing.",
                    $"Check that the network uses what {block} answers and that its weights are not zero; parameters that are not meant "
                        + $"to learn need requires_grad = false.");
            }
        }

        return null;
    }

    // Blocks without any gradient are compared with the others, however many they are.
    private static double Usual(IReadOnlyDictionary<string, double> gradients)
    {
        double[] sorted = [.. gradients.Values.Where(gradient => gradient > 0).Order()];
        return sorted.Length == 0 ? double.NaN : sorted[sorted.Length / 2];
    }

    private static HealthFinding Finding(FindingKind kind, RunHistory run, string block, double share, string meaning, string remedy) =>
        new(
        kind,
        run.Last.Step,
        string.Create(CultureInfo.InvariantCulture,
            $"The gradients of {block} are {share:G2} times those of the middle one of all blocks, in the last {Reports} reports."),
        meaning,
        remedy)
    {
        Figures = new Dictionary<string,
            double>(StringComparer.Ordinal) { [block] = run.Last.GradientsByBlock[block], ["usual"] = Usual(run.Last.GradientsByBlock) },
    };
}
