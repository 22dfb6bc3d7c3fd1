using System.Text.Json;
using System.Text.Json.Serialization;

namespace Diffusion.Training;

/// <summary>
/// The result of a sweep of the learning rate by <see cref="LrRangeFinder"/>: the curve of the loss, and suggested rates.
/// </summary>
public sealed record LrRange
{
    /// <summary>
    /// The loss of the evaluation images before the first step. It is not a number if the sweep was canceled before that.
    /// </summary>
    public required double StartLoss { get; init; }

    /// <summary>The rates in ascending order, with their losses. All are finite.</summary>
    public required IReadOnlyList<LrRangePoint> Points { get; init; }

    /// <summary>The reason why the sweep ended, as part of a sentence: "the loss was ten times the first at 0.1".</summary>
    [JsonIgnore]
    public string Ending => LrRangeText.Ending(this);

    /// <summary>
    /// The rate at which the loss diverged or was not finite. Null if that did not happen, or happened before the first step.
    /// </summary>
    public required double? EndedAt { get; init; }

    /// <summary>
    /// The short runs at the rates that the curve suggests; null if there were none, because the curve suggests no rate, the sweep was
    /// canceled, or <see cref="LrRangeOptions.ConfirmationSteps"/> is 0.
    /// </summary>
    public LrConfirmation? Confirmation { get; init; }

    /// <summary>The suggestion of each rule: Confirmed if there was a confirmation, and those of the curve.</summary>
    public required IReadOnlyList<LrSuggestion> Suggestions { get; init; }

    /// <summary>The suggestion of the default rule: the peak learning rate to use, or the reason why there is none.</summary>
    [JsonIgnore]
    public LrSuggestion Suggestion => Suggestions[0];

    /// <summary>The advice in one line.</summary>
    public string Advice => Suggestion.LearningRate is null ? Suggestion.ToString() : $"Use a peak learning rate of {Suggestion}";

    /// <summary>A table for the console: about 20 evenly chosen rates, and the suggestion of each rule.</summary>
    public string ToTable() => LrRangeText.Table(this);

    /// <summary>Every point as comma-separated values: <c>learning_rate,loss,smoothed</c>, one line each.</summary>
    public string ToCsv() => LrRangeText.Csv(this);

    /// <summary>Everything as indented JSON, in camel case.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, LrRangeJson.Default.LrRange);

    [JsonInclude]
    internal LrRangeEnd End { get; init; }
}

/// <summary>How a sweep becomes JSON, without reflection.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    UseStringEnumConverter = true,
    WriteIndented = true)]
[JsonSerializable(typeof(LrRange))]
internal sealed partial class LrRangeJson : JsonSerializerContext;
