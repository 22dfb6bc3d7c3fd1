using System.Globalization;

namespace Diffusion.Training;

/// <summary>Finds tensors that are made and not freed, report after report.</summary>
internal sealed class LeakCheck : IHealthCheck
{
    private const int Reports = 5;

    public HealthFinding? Look(RunHistory run)
    {
        TrainingProgress[] last = [.. run.Reports.TakeLast(Reports + 1)];
        if (last.Length <= Reports)
        {
            return null;
        }

        long[] growth = [.. last.Zip(last.Skip(1), (before, after) => after.LiveTensors - before.LiveTensors)];
        if (growth.Any(more => more <= 0))
        {
            return null;
        }

        // A part that keeps something once is no leak: what counts first is how often it left more.
        (string place, long tensors) = run.Last.LeakedTensors.Keys
            .Select(part => (Part: part, Left: last.Select(report => report.LeakedTensors.GetValueOrDefault(part)).ToArray()))
            .Where(part => part.Left[^1] > part.Left[0])
            .OrderByDescending(part => part.Left.Zip(part.Left.Skip(1)).Count(pair => pair.Second > pair.First))
            .ThenByDescending(part => part.Left[^1] - part.Left[0])
            .Select(part => (part.Part, part.Left[^1] - part.Left[0]))
            .FirstOrDefault(("the training thread", growth.Sum()));
        return new HealthFinding(
            FindingKind.LeakedTensors,
            run.Last.Step,
            string.Create(CultureInfo.InvariantCulture, $"{run.Last.LiveTensors} tensors live, {growth.Sum()} more than {last[^1].Step - last[0].Step} steps ago; {tensors} of them came from {place}."),
            "Tensors that are made there are not disposed, or a graph is kept alive; memory runs out in the end.",
            $"Wrap {place} in using DisposeScope scope = torch.NewDisposeScope(), and keep numbers (item()) in place of tensors.")
        {
            Figures = new Dictionary<string, double>(StringComparer.Ordinal) { ["liveTensors"] = run.Last.LiveTensors, ["growth"] = growth.Sum() },
        };
    }
}
