using System.Globalization;

namespace Diffusion.Training;

/// <summary>Finds skipped steps, and reports where their numbers became invalid.</summary>
/// <param name="trace">Replays a step and describes where its numbers became invalid.</param>
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

        // If steps are skipped in consecutive reports, tracing the first is enough.
        if (traced is null)
        {
            where = trace(step);
            traced = step;
        }

        return new HealthFinding(
            FindingKind.SkippedSteps,
            run.Last.Step,
            string.Create(CultureInfo.InvariantCulture,
                $"{run.Last.SkippedSteps} steps have been skipped so far; the first since the last report was step {step}. {where}"),
            "An occasional skipped step usually means a bad batch. Frequent ones usually mean that a learning rate that is too high has "
                + "made the weights grow.",
            string.Create(CultureInfo.InvariantCulture, $"If this continues, lower {run.LowerRate}."))
        {
            Figures = new Dictionary<string,
                double>(StringComparer.Ordinal) { ["skippedSteps"] = run.Last.SkippedSteps, ["firstSkippedStep"] = step },
        };
    }
}
