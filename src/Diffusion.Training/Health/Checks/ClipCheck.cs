using System.Globalization;

namespace Diffusion.Training;

/// <summary>Finds a clip that reduces nearly all gradients to a small fraction of their norm.</summary>
internal sealed class ClipCheck : IHealthCheck
{
    private const int Reports = 5;
    private const double MinFraction = 0.99;
    private const double Factor = 10;
    private const double MinUsualClip = 0.5;

    public HealthFinding? Look(RunHistory run)
    {
        TrainingProgress[] last = [.. run.Reports.TakeLast(Reports)];
        if (run.Options.GradientClip is not { } clip || !run.LastHasLoss || last.Length < Reports || run.Last.Step <= run.WarmupSteps
            || last.Any(report => report.ClippedShare < MinFraction || report.MeanGradientNorm < Factor * clip))
        {
            return null;
        }

        return new HealthFinding(
            FindingKind.ClippedTooMuch,
            run.Last.Step,
            string.Create(CultureInfo.InvariantCulture,
                $"{run.Last.ClippedShare:P0} of the gradients were clipped to {clip:G3}; their mean norm was "
                    + $"{run.Last.MeanGradientNorm:G3}."),
            "All steps then have the same length, regardless of their gradients.",
            clip < MinUsualClip
                ? string.Create(CultureInfo.InvariantCulture, $"Raise GradientClip from {clip:G3} to 1.")
                : string.Create(CultureInfo.InvariantCulture,
                    $"Keep GradientClip at {clip:G3}: a limit of about 1 is usual. Check the initial weights of the network, the range "
                        + $"of the images, and the learning rate."))
        {
            Figures = new Dictionary<string,
                double>(StringComparer.Ordinal) { ["clippedShare"] = run.Last.ClippedShare,
                    ["meanGradientNorm"] = run.Last.MeanGradientNorm },
        };
    }
}
