using System.Text.Json;

namespace PlanFirst;

/// <summary>What was found before training began; kept in the run folder, so that a run goes on with what it began with.</summary>
internal sealed record Choices
{
    private const string FileName = "choices.json";

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    public required long Steps { get; init; }

    public required int BatchSize { get; init; }

    public required int MicroBatchSize { get; init; }

    public required double LearningRate { get; init; }

    /// <summary>What an earlier call kept; null where there was none.</summary>
    public static Choices? Read(string folder, int batchSize)
    {
        string file = Path.Combine(folder, FileName);
        try
        {
            Choices? kept = File.Exists(file) ? JsonSerializer.Deserialize<Choices>(File.ReadAllText(file), Json) : null;
            return kept is null || kept.BatchSize == batchSize ? kept
                : throw new FormatException($"The run in '{folder}' was planned with --batch {kept.BatchSize}, not {batchSize} ('{file}'). Give that again, or another folder with --out.");
        }
        catch (JsonException error)
        {
            throw new FormatException($"'{file}' cannot be read: {error.Message} Delete it, and the run is planned anew.", error);
        }
    }

    /// <summary>Keeps them.</summary>
    public void Write(string folder) => File.WriteAllText(Path.Combine(folder, FileName), JsonSerializer.Serialize(this, Json));
}
