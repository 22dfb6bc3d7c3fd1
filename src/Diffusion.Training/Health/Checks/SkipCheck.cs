using System.Globalization;

namespace Diffusion.Training;

/// <summary>Finds steps that were skipped, and says where their numbers went wrong.</summary>
/// <param name="trace">Replays a step and says so.</param>
internal sealed class SkipCheck(Func<long, string> trace) : IHealthCheck
{
    private long? traced;
    private string where = string.Empty;

    public HealthFinding? Look(RunHistory run)
    {
        if (run.Last.FirstSkippedStep is not { } step)
        {
            traced = null;
            return null;
        }

        // Where steps are skipped in report after report, the first is enough.
        if (traced is null)
        {
            where = trace(step);
            traced = step;
        }

        return new HealthFinding(
            FindingKind.SkippedSteps,
            run.Last.Step,
            string.Create(CultureInfo.InvariantCulture,
                $"{run.Last.SkippedSteps} steps were skipped so far, the first of this report being step {step}. {where}"),
            "Now and then this is one bad batch; often it is a learning rate that is too high, and the weights have grown.",
            string.Create(CultureInfo.InvariantCulture, $"If it continues, lower {run.LowerRate}."))
        {
            Figures = new Dictionary<string,
                double>(StringComparer.Ordinal) { ["skippedSteps"] = run.Last.SkippedSteps, ["firstSkippedStep"] = step },
        };
    }
}
