using System.Globalization;
using Diffusion.Training;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Diffusion.Hosting;

/// <summary>
/// The health of a hosted run: unhealthy if it failed or diverged, degraded if it has other findings or has rolled back, otherwise healthy.
/// </summary>
internal sealed class TrainingHealthCheck(HostedTraining training) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(Check());

    private HealthCheckResult Check()
    {
        TrainingProgress? progress = training.Progress;
        IReadOnlyList<HealthFinding> findings = training.Findings;
        Dictionary<string, object> data = new(StringComparer.Ordinal) { ["status"] = training.Status.ToString() };
        if (progress is not null)
        {
            data["step"] = progress.Step;
            data["steps"] = progress.Steps;
            data["loss"] = progress.Loss.ToString("G4", CultureInfo.InvariantCulture); // JSON cannot represent NaN.
        }

        foreach (IGrouping<FindingKind, HealthFinding> kind in findings.GroupBy(finding => finding.Kind))
        {
            data[kind.Key.ToString()] = kind.Last().ToString();
        }

        HealthFinding? divergence = findings.LastOrDefault(finding => finding.Kind == FindingKind.Diverged);
        return training.Error is { } error
            ? HealthCheckResult.Unhealthy($"Training '{training.Name}' failed: {error.Message}", error, data)
            : divergence is not null && !training.RollsBack
            ? HealthCheckResult.Unhealthy($"Training '{training.Name}' diverged. {divergence}", data: data)
            : findings.Count > 0
            ? HealthCheckResult.Degraded($"Training '{training.Name}' has {findings.Count} findings. {findings[^1]}", data: data)
            : HealthCheckResult.Healthy($"Training '{training.Name}': {training.Status}.", data);
    }
}
