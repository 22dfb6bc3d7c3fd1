using System.Globalization;

namespace Diffusion.Training;

/// <summary>Finds a part of the training loop that keeps more tensors with each report.</summary>
internal sealed class LeakCheck : IHealthCheck
{
    private const int Growths = 5;

    public HealthFinding? Look(RunHistory run)
    {
        if (run.Last.LeakedTensors.Count == 0)
        {
            return null;
        }

        (string place, long more, long steps) = run.Last.LeakedTensors.Keys.Select(part => GrowthOf(run.Reports, part))
            .MaxBy(growth => growth.More);
        if (more <= 0)
        {
            return null;
        }

        return new HealthFinding(
            FindingKind.LeakedTensors,
            run.Last.Step,
            string.Create(CultureInfo.InvariantCulture,
                $"There are {more} more live tensors from {place} than {steps} steps ago, created on the training thread."),
            "Tensors that are created there are not disposed, or a graph is kept alive. Memory will run out eventually.",
            $"Wrap {place} in using DisposeScope scope = torch.NewDisposeScope(), and keep numbers (item()) instead of tensors.")
        {
            Figures = new Dictionary<string,
                double>(StringComparer.Ordinal) { ["kept"] = run.Last.LeakedTensors[place], ["growth"] = more },
        };
    }

    // The increase over the last increments, if the newest report is one of them and the count never fell in between; otherwise 0.
    private static (string Part, long More, long Steps) GrowthOf(IReadOnlyList<TrainingProgress> reports, string part)
    {
        long now = Of(reports.Count - 1);
        int growths = 0;
        for (int i = reports.Count - 1; i > 0 && Of(i - 1) <= Of(i); i--)
        {
            growths += Of(i) > Of(i - 1) ? 1 : 0;
            if (growths == 0)
            {
                break;
            }

            if (growths == Growths)
            {
                return (part, now - Of(i - 1), reports[^1].Step - reports[i - 1].Step);
            }
        }

        return (part, 0, 0);

        long Of(int report) => reports[report].LeakedTensors.GetValueOrDefault(part);
    }
}
