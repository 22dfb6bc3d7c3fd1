using System.Globalization;
using Diffusion.Data;

namespace Diffusion.Training;

/// <summary>Finds a run that waits for its images.</summary>
internal sealed class LoadingCheck : IHealthCheck
{
    private const int Reports = 3;
    private const double MaxFraction = 0.3;

    public HealthFinding? Look(RunHistory run)
    {
        if (run.Reports.Count <= Reports || run.Reports.TakeLast(Reports).Any(report => report.DataWaitShare < MaxFraction))
        {
            return null;
        }

        return new HealthFinding(
            FindingKind.SlowData,
            run.Last.Step,
            string.Create(CultureInfo.InvariantCulture, $"{run.Last.DataWaitShare:P0} of the time is spent waiting for images."),
            "Reading and decoding images is slower than training.",
            "Raise Loading.Workers, store smaller images with ShardWriter, or move the images to a faster disk.")
        {
            Figures = new Dictionary<string, double>(StringComparer.Ordinal) { ["dataWaitShare"] = run.Last.DataWaitShare },
        };
    }
}
