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

        (string place, long tensors) = run.Last.LeakedTensors.Count == 0
            ? ("the training thread", growth.Sum())
            : run.Last.LeakedTensors.OrderByDescending(pair => pair.Value).Select(pair => (pair.Key, pair.Value)).First();
        return new HealthFinding(
            FindingKind.LeakedTensors,
            run.Last.Step,
            string.Create(CultureInfo.InvariantCulture, $"{run.Last.LiveTensors} tensors live, {growth.Sum()} more than {last[^1].Step - last[0].Step} steps ago; {tensors} of this call of Run came from {place}."),
            "Tensors that are made there are not disposed, or a graph is kept alive; memory runs out in the end.",
            $"Wrap {place} in using DisposeScope scope = torch.NewDisposeScope(), and keep numbers (item()) in place of tensors.")
        {
            Figures = new Dictionary<string, double>(StringComparer.Ordinal) { ["liveTensors"] = run.Last.LiveTensors, ["growth"] = growth.Sum() },
        };
    }
}
