using System.Globalization;
using Diffusion.Training;

namespace Diffusion.Reporting;

/// <summary>The plan of a run beside what the run took.</summary>
internal static class PlanSection
{
    /// <summary>Makes the section; empty without a plan.</summary>
    public static Html Of(RunRecord run)
    {
        if (run.Facts is not { Plan: { } plan } facts || run.Metrics.Last is not { } last)
        {
            return default;
        }

        double[] speeds = [.. run.Metrics.Points.Select(point => point.ImagesPerSecond).Where(speed => speed > 0).Order()];
        TimeSpan? step = speeds.Length == 0 ? null : TimeSpan.FromSeconds(facts.BatchSize / speeds[speeds.Length / 2]);
        bool isWhole = facts.FirstStep == 0;
        (string Name, string Planned, string? Measured)[] rows =
        [
            ("optimizer steps", Number(plan.Steps), $"{Number(last.Step)} so far"),
            ("time of a step", TimeText.Of(plan.StepTime), step is { } time ? $"{TimeText.Of(time)} (median)" : null),
            ("time of the run", TimeText.Of(plan.Duration), !isWhole ? null
                : run.Ending is null ? $"{TimeText.Of(last.Elapsed)} so far, {TimeText.Of(last.Remaining)} left"
                : TimeText.Of(last.Elapsed)),
            ("recognizable samples", $"from about step {Number(plan.FirstSamplesStep)}", run.Samples.Count > 0 ? "see the samples" : null),
            ("size of a checkpoint", Bytes(plan.CheckpointBytes), run.CheckpointBytes is { } bytes ? Bytes(bytes) : null),
        ];
        return Html.Of($"""
            <section><h2>Plan and reality</h2><table>
            <tr><th></th><th>plan</th><th>run</th></tr>
            {Html.Join(rows.Select(row => Html.Of($"""
                <tr><th>{row.Name}</th><td>{row.Planned}</td><td>{row.Measured ?? "not known"}</td></tr>

                """)))}
            </table></section>

            """);
    }

    private static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    private static string Bytes(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1048576.0:N1} MiB");
}
