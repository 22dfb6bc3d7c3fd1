using System.Text.Json.Serialization;

namespace Diffusion.Training;

/// <summary>
/// Writes one line of JSON per report to <c>metrics.jsonl</c> and flushes it at once. A resumed run appends to the same file.
/// </summary>
internal sealed class MetricsFile : IProgress<TrainingProgress>
{
    /// <summary>The name of the file in the run folder.</summary>
    public const string FileName = "metrics.jsonl";

    private readonly JsonLines<TrainingProgress> lines;

    /// <summary>Uses the metrics file in the folder of a run.</summary>
    /// <param name="folder">The folder of the run. It must exist.</param>
    public MetricsFile(string folder) =>
        lines = new(Path.Combine(Path.GetFullPath(folder), FileName), MetricsJson.Default.TrainingProgress);

    /// <summary>Reads the reports of a run, even during training. Skips lines that are not complete reports.</summary>
    /// <param name="folder">The folder of the run.</param>
    /// <returns>The reports in the order in which they were written.</returns>
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

/// <summary>The JSON serializer of progress, without reflection.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(TrainingProgress))]
internal sealed partial class MetricsJson : JsonSerializerContext;
