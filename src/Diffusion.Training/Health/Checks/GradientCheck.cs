using System.Globalization;

namespace Diffusion.Training;

/// <summary>Finds gradients that are far larger than before.</summary>
internal sealed class GradientCheck : IHealthCheck
{
    private const int Reports = 3;
    private const double Factor = 50;
    private const double MaxUsual = 5;

    public HealthFinding? Look(RunHistory run)
    {
        if (!run.LastHasLoss || run.Reports.Count <= Reports)
        {
            return null;
        }

        double[] before = [.. run.Reports.Take(run.Reports.Count - 1).TakeLast(20).Select(report => report.MeanGradientNorm).Order()];
        double usual = before[before.Length / 2];
        double norm = run.Last.MaxGradientNorm;
        if (norm < Factor * usual || norm < MaxUsual)
        {
            return null;
        }

        string remedy = run.Options.GradientClip is null
            ? "Set GradientClip to 1."
            : string.Create(CultureInfo.InvariantCulture,
                $"Set Health.MaxGradientNorm to {20 * usual:G2} to skip such steps. If they are frequent, lower {run.LowerRate}.");
        return new HealthFinding(
            FindingKind.ExplodingGradients,
            run.Last.Step,
            string.Create(CultureInfo.InvariantCulture, $"The gradient norm reached {norm:G3}; its median was {usual:G3}."),
            "The usual cause is a bad batch or a learning rate that is too high.",
            remedy)
        {
            Figures = new Dictionary<string, double>(StringComparer.Ordinal) { ["norm"] = norm, ["usual"] = usual },
        };
    }
}
