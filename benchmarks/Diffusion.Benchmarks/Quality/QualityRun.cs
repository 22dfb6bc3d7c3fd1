using System.Text.Json;

namespace Diffusion.Benchmarks;

/// <summary>The plan and the progress of a training run.</summary>
/// <param name="Minutes">The planned time in minutes.</param>
/// <param name="Steps">The number of steps that fit into that time on this machine.</param>
/// <param name="Trained">The training time so far, including that before interruptions.</param>
/// <param name="Loss">The last loss; null before the first report.</param>
internal sealed record QualityPlan(double Minutes, long Steps, TimeSpan Trained = default, double? Loss = null);

/// <summary>The contents of the run folder: the plan and every measured row. An interrupted command resumes from them.</summary>
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

    /// <summary>Null before it is first set.</summary>
    public QualityPlan? Plan
    {
        get => File.Exists(planFile) ? JsonSerializer.Deserialize<QualityPlan>(File.ReadAllText(planFile)) : null;
        set => File.WriteAllText(planFile, JsonSerializer.Serialize(value));
    }

    /// <summary>The row with that name and count; measured only if it is not stored.</summary>
    /// <param name="step">The step whose weights it belongs to.</param>
    /// <param name="name">The kind of images.</param>
    /// <param name="count">The number of images.</param>
    /// <param name="measure">Creates and measures the images.</param>
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
