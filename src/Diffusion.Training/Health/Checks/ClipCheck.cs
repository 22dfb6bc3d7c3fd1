using System.Globalization;

namespace Diffusion.Training;

/// <summary>Finds a clip that cuts nearly all gradients to a small part of what they are.</summary>
internal sealed class ClipCheck : IHealthCheck
{
    private const int Reports = 5;
    private const double Share = 0.99;
    private const double Factor = 10;
    private const double LowestUsualClip = 0.5;

    public HealthFinding? Look(RunHistory run)
    {
        TrainingProgress[] last = [.. run.Reports.TakeLast(Reports)];
        if (run.Options.GradientClip is not { } clip || !run.LastHasLoss || last.Length < Reports || run.Last.Step <= run.WarmupSteps
            || last.Any(report => report.ClippedShare < Share || report.MeanGradientNorm < Factor * clip))
        {
            return null;
        }

        return new HealthFinding(
            FindingKind.ClippedTooMuch,
            run.Last.Step,
            string.Create(CultureInfo.InvariantCulture,
                $"{run.Last.ClippedShare:P0} of the gradients were clipped, whose norm is {run.Last.MeanGradientNorm:G3} in the mean, "
                    + $"to {clip:G3}."),
            "All steps then have the same length, whatever their gradients say.",
            clip < LowestUsualClip
                ? string.Create(CultureInfo.InvariantCulture, $"Raise GradientClip from {clip:G3} to 1.")
                : string.Create(CultureInfo.InvariantCulture,
                    $"Leave GradientClip at {clip:G3}: a norm of about 1 is usual. Look at the weights that the network began with, the "
                        + $"range of the images, and the learning rate."))
        {
            Figures = new Dictionary<string,
                double>(StringComparer.Ordinal) { ["clippedShare"] = run.Last.ClippedShare,
                    ["meanGradientNorm"] = run.Last.MeanGradientNorm },
        };
    }
}
