using System.Text.Json;

namespace Diffusion.Benchmarks;

/// <summary>What a training run was planned to be and has been so far.</summary>
/// <param name="Minutes">How long it should take.</param>
/// <param name="Steps">How many steps that is on this machine.</param>
/// <param name="Trained">How long it has taken, over all sittings.</param>
/// <param name="Loss">The last loss; null before the first report.</param>
internal sealed record QualityPlan(double Minutes, long Steps, TimeSpan Trained = default, double? Loss = null);

/// <summary>What the run's folder remembers: the plan, and every measured row, so that whatever was interrupted goes on.</summary>
internal sealed class QualityRun
{
    private readonly string planFile;

    public QualityRun(string folder)
    {
        Folder = Directory.CreateDirectory(folder).FullName;
        planFile = Path.Combine(Folder, "plan.json");
    }

    public string Folder { get; }

    public string ClassifierFile => Path.Combine(Folder, "classifier.safetensors");

    /// <summary>Null before the first is set.</summary>
    public QualityPlan? Plan
    {
        get => File.Exists(planFile) ? JsonSerializer.Deserialize<QualityPlan>(File.ReadAllText(planFile)) : null;
        set => File.WriteAllText(planFile, JsonSerializer.Serialize(value));
    }

    /// <summary>The row of that name and count, measured only where it is not remembered.</summary>
    /// <param name="step">The step whose weights it belongs to.</param>
    /// <param name="name">Which images.</param>
    /// <param name="count">How many.</param>
    /// <param name="measure">Makes and measures them.</param>
    public QualityRow Row(long step, string name, int count, Func<QualityRow> measure)
    {
        string file = Path.Combine(Folder, $"rows-of-step-{step}.jsonl");
        IEnumerable<QualityRow> known = File.Exists(file)
            ? File.ReadAllLines(file).Select(line => JsonSerializer.Deserialize<QualityRow>(line)!)
            : [];
        if (known.FirstOrDefault(row => row.Name == name && row.Count == count) is { } remembered)
        {
            return remembered;
        }

        QualityRow measured = measure();
        File.AppendAllText(file, JsonSerializer.Serialize(measured) + "\n");
        return measured;
    }
}
