using System.Text.Json;
using System.Text.Json.Serialization;

namespace Diffusion.Training;

/// <summary>The curve of a sweep of the learning rate, and what it says. Made by <see cref="LrRangeFinder"/>.</summary>
public sealed record LrRange
{
    /// <summary>
    /// The loss of the evaluation images before the first step; not a number where the sweep was cancelled before it was measured.
    /// </summary>
    public required double StartLoss { get; init; }

    /// <summary>The rates that were tried, rising, with their losses; all finite.</summary>
    public required IReadOnlyList<LrRangePoint> Points { get; init; }

    /// <summary>Why the sweep ended.</summary>
    public required LrRangeEnd End { get; init; }

    /// <summary>The rate that did harm; null where none did, also where the loss was not finite before the first step.</summary>
    public required double? EndedAt { get; init; }

    /// <summary>What each rule reads from the curve, in the order of <see cref="LrSuggestionRule"/>.</summary>
    public required IReadOnlyList<LrSuggestion> Suggestions { get; init; }

    /// <summary>What the default rule reads from the curve: the peak learning rate to use, or why there is none.</summary>
    [JsonIgnore]
    public LrSuggestion Suggestion => Suggestions[0];

    /// <summary>What to do, in one line.</summary>
    public string Advice => Suggestion.LearningRate is null ? Suggestion.ToString() : $"Use a peak learning rate of {Suggestion}";

    /// <summary>A table to be printed: about 20 rates, evenly chosen, and what each rule suggests.</summary>
    public string ToTable() => LrRangeText.Table(this);

    /// <summary>Every point as comma-separated values: <c>learning_rate,loss,smoothed</c>, one line each.</summary>
    public string ToCsv() => LrRangeText.Csv(this);

    /// <summary>Everything as indented JSON, in camel case.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, LrRangeJson.Default.LrRange);
}

/// <summary>How a sweep becomes JSON, without reflection.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    UseStringEnumConverter = true,
    WriteIndented = true)]
[JsonSerializable(typeof(LrRange))]
internal sealed partial class LrRangeJson : JsonSerializerContext;
