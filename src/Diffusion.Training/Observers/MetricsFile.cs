using System.Text.Json;
using System.Text.Json.Serialization;

namespace Diffusion.Training;

/// <summary>Writes one line of JSON per report into <c>metrics.jsonl</c>, flushed at once; a resumed run goes on in the same file.</summary>
public sealed class MetricsFile : IProgress<TrainingProgress>
{
    /// <summary>The name of the file in the run's folder.</summary>
    public const string FileName = "metrics.jsonl";

    private readonly string path;

    /// <summary>The metrics of a run's folder.</summary>
    /// <param name="folder">The folder of the run; it exists.</param>
    public MetricsFile(string folder) => path = Path.Combine(folder, FileName);

    /// <summary>Appends one line.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Report(TrainingProgress value) =>
        File.AppendAllText(path, JsonSerializer.Serialize(value, MetricsJson.Default.TrainingProgress) + "\n");
}

/// <summary>How progress becomes JSON, without reflection.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(TrainingProgress))]
internal sealed partial class MetricsJson : JsonSerializerContext;
