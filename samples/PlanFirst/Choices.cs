using System.Globalization;
using System.Text.Json;

namespace PlanFirst;

/// <summary>The values chosen before training. They are stored in the run folder, so a run resumes with the same values.</summary>
internal sealed record Choices
{
    private const string FileName = "choices.json";

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    public required long Steps { get; init; }

    public required int BatchSize { get; init; }

    public required int MicroBatchSize { get; init; }

    public required double LearningRate { get; init; }

    /// <summary>The requested minutes; null if not given.</summary>
    public double? Minutes { get; init; }

    /// <summary>The requested memory in GiB; null if not given.</summary>
    public double? MemoryGiB { get; init; }

    /// <summary>Reads the choices of an earlier call; null if there is none.</summary>
    /// <exception cref="FormatException">The file cannot be read, or the settings differ now.</exception>
    public static Choices? Read(Settings settings)
    {
        string file = Path.Combine(settings.RunFolder, FileName);
        try
        {
            Choices? kept = File.Exists(file) ? JsonSerializer.Deserialize<Choices>(File.ReadAllText(file), Json) : null;
            return kept?.Difference(settings) is { } difference
                ? throw new FormatException(
                    $"The run in '{settings.RunFolder}' was planned with {difference} ('{file}'). Give the same option again, or "
                        + $"another folder with --out.")
                : kept;
        }
        catch (JsonException error)
        {
            throw new FormatException($"'{file}' cannot be read: {error.Message} Delete it to plan the run again.", error);
        }
    }

    // An option that is not given now is taken from the plan.
    private string? Difference(Settings settings) =>
        BatchSize != settings.Batch ? $"--batch {BatchSize}, not {settings.Batch}"
        : settings.Steps is { } steps && Steps != steps ? $"{Steps} steps, not --steps {steps}"
        : settings.Minutes is { } minutes
            && Minutes != minutes ? string.Create(CultureInfo.InvariantCulture, $"{Steps} steps, not --minutes {minutes}")
        : settings.Rate is { } rate
            && LearningRate != rate ? string.Create(CultureInfo.InvariantCulture, $"a learning rate of {LearningRate}, not --rate {rate}")
        : settings.MemoryGiB is { } memory
            && MemoryGiB != memory ? string.Create(CultureInfo.InvariantCulture,
                $"passes of {MicroBatchSize} images, not --memory {memory}")
        : null;

    /// <summary>Writes the choices.</summary>
    public void Write(string folder) => File.WriteAllText(Path.Combine(folder, FileName), JsonSerializer.Serialize(this, Json));
}
