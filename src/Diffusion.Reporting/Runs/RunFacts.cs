using System.Text.Json;
using System.Text.Json.Serialization;
using Diffusion.Training;

namespace Diffusion.Reporting;

/// <summary>What is known about a run beside its metrics: the file <c>report.json</c> in the run folder.</summary>
internal sealed record RunFacts
{
    /// <summary>The name of the file in the run folder.</summary>
    public const string FileName = "report.json";

    /// <summary>When the run started, or resumed.</summary>
    public required DateTimeOffset StartedAt { get; init; }

    /// <summary>The number of optimizer steps taken before.</summary>
    public required long FirstStep { get; init; }

    /// <summary>The number of images per optimizer step.</summary>
    public required int BatchSize { get; init; }

    /// <summary>The device.</summary>
    public required string Device { get; init; }

    /// <summary>The number of parameters of the network.</summary>
    public required long ParameterCount { get; init; }

    /// <summary>The images.</summary>
    public required DataSheet Data { get; init; }

    /// <summary>The unusual settings of the run.</summary>
    public required IReadOnlyList<string> Warnings { get; init; }

    /// <summary>The options of the run.</summary>
    public required JsonElement Options { get; init; }

    /// <summary>The plan; null if none was made.</summary>
    public PlannedRun? Plan { get; init; }

    /// <summary>How the run ended; null while it is running, and after its process was killed.</summary>
    public RunEnding? Ending { get; init; }

    /// <summary>All findings, also those before the run resumed or rolled back. The metrics lose the reports of repeated steps.</summary>
    public IReadOnlyList<HealthFinding> Findings { get; init; } = [];

    /// <summary>Reads the facts of a run; null if the folder has none, or none that this version can read.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static RunFacts? Read(string folder)
    {
        string path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
        {
            return null;
        }

        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), RunFactsJson.Default.RunFacts);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Writes the facts of a run.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Write(string folder) => AtomicFile.WriteWithFolder(
        Path.Combine(folder, FileName), JsonSerializer.SerializeToUtf8Bytes(this, RunFactsJson.Default.RunFacts));
}

/// <summary>The JSON serializer of facts, without reflection.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(RunFacts))]
internal sealed partial class RunFactsJson : JsonSerializerContext;
