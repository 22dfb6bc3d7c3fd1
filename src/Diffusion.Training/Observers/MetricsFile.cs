using System.Text.Json.Serialization;

namespace Diffusion.Training;

/// <summary>
/// Writes one line of JSON per report into <c>metrics.jsonl</c>, flushed at once; a resumed run appends to the same file.
/// </summary>
internal sealed class MetricsFile : IProgress<TrainingProgress>
{
    /// <summary>The name of the file in the run's folder.</summary>
    public const string FileName = "metrics.jsonl";

    private readonly JsonLines<TrainingProgress> lines;

    /// <summary>The metrics of a run's folder.</summary>
    /// <param name="folder">The folder of the run; it exists.</param>
    public MetricsFile(string folder) =>
        lines = new(Path.Combine(Path.GetFullPath(folder), FileName), MetricsJson.Default.TrainingProgress);

    /// <summary>Reads the reports of a run, also while it trains. Lines that are no whole report are passed over.</summary>
    /// <param name="folder">The folder of the run.</param>
    /// <returns>The reports, in the order in which they were written.</returns>
    /// <exception cref="FileNotFoundException">The folder has no metrics yet, or is not the folder of a run.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static IReadOnlyList<TrainingProgress> Read(string folder)
    {
        string path = Path.Combine(Path.GetFullPath(folder), FileName);
        return File.Exists(path)
            ? [.. new JsonLines<TrainingProgress>(path, MetricsJson.Default.TrainingProgress).Read()]
            : throw new FileNotFoundException(
                $"The folder '{folder}' has no {FileName}. Use the folder that was passed to UseCheckpoints. A run creates the file with "
                + "its first report.",
                path);
    }

    /// <summary>Removes the reports after the step from which a run resumes, and an incomplete last line.</summary>
    /// <param name="step">The step from which the run resumes; 0 for a new run.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void CutAfter(long step) => lines.Keep(progress => progress.Step <= step);

    /// <summary>Appends one line.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Report(TrainingProgress value) => lines.Add(value);
}

/// <summary>How progress becomes JSON, without reflection.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(TrainingProgress))]
internal sealed partial class MetricsJson : JsonSerializerContext;
