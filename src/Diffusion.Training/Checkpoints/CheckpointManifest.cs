using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Diffusion.Data;

namespace Diffusion.Training;

/// <summary>What a checkpoint says of itself: <c>manifest.json</c> in its folder.</summary>
public sealed record CheckpointManifest
{
    /// <summary>The version of the format that this library writes and reads: 2.</summary>
    public const int CurrentVersion = CheckpointFiles.Version;

    /// <summary>The version of the format.</summary>
    public int FormatVersion { get; init; } = CurrentVersion;

    /// <summary>Optimizer steps made.</summary>
    public required long Step { get; init; }

    /// <summary>Images seen: the position in the run of the next image, which all draws depend on.</summary>
    public required long ImagesSeen { get; init; }

    /// <summary>Steps skipped for gradients that are not finite.</summary>
    public required long SkippedSteps { get; init; }

    /// <summary>How many of the last steps were skipped one after the other.</summary>
    public long SkippedInARow { get; init; }

    /// <summary>How often the run went back to a checkpoint with a third of the learning rate, 0 to 3.</summary>
    public int Rollbacks { get; init; }

    /// <summary>Optimizer steps of the warm-up: a longer run later does not begin it again.</summary>
    public required long WarmupSteps { get; init; }

    /// <summary>The network's own description.</summary>
    public required string Model { get; init; }

    /// <summary>The noise schedule's own description.</summary>
    public required string Schedule { get; init; }

    /// <summary>What the network predicts.</summary>
    public required PredictionType Prediction { get; init; }

    /// <summary>The optimizer's own description.</summary>
    public required string Optimizer { get; init; }

    /// <summary>The data's own description.</summary>
    public required string Data { get; init; }

    /// <summary>How many images the data had from when on; one more each time that it was extended.</summary>
    [JsonInclude]
    internal IReadOnlyList<DataExtent> DataExtents { get; init; } = [];

    /// <summary>The device it ran on.</summary>
    public required string Device { get; init; }

    /// <summary>libtorch's CPU threads: the last bits of results depend on them.</summary>
    public required int CpuThreads { get; init; }

    /// <summary>The version of this library.</summary>
    public required string LibraryVersion { get; init; }

    /// <summary>The version of libtorch.</summary>
    public required string TorchVersion { get; init; }

    /// <summary>How many processes trained together.</summary>
    public int World { get; init; } = 1;

    /// <summary>The last measured loss over the held-out images; null where none is measured.</summary>
    public double? HeldOutLoss { get; init; }

    /// <summary>The step at which that loss was measured; null where none was.</summary>
    public long? HeldOutStep { get; init; }

    /// <summary>The options of the run.</summary>
    public required TrainingOptions Options { get; init; }

    /// <summary>The averaged weights, the one that previews and results use first.</summary>
    [JsonInclude, JsonRequired]
    internal IReadOnlyList<CheckpointAverage> Averages { get; init; } = [];

    /// <summary>The other files of the checkpoint. The store fills them in.</summary>
    [JsonInclude, JsonRequired]
    internal IReadOnlyList<CheckpointFile> Files { get; init; } = [];

    /// <summary>The SHA-256 of this manifest with 64 zeros in this place. The store fills it in.</summary>
    [JsonPropertyOrder(int.MaxValue)]
    public string Sha256 { get; init; } = string.Empty;

    /// <summary>Why it cannot be what this library wrote, or null.</summary>
    [JsonIgnore]
    internal string? Problem =>
        Step < 0 || ImagesSeen < 0 || SkippedSteps < 0 || SkippedInARow < 0 || SkippedInARow > SkippedSteps
            || Rollbacks is < 0 or > Rollback.MaxCount
            || WarmupSteps is < 0 or > int.MaxValue || World < 1 ? "a number is out of its range."
        : DataExtent.AreImpossible(DataExtents) ? "the extents of its data do not follow each other."
        : Files.Any(file => file is null) || Averages.Any(average => average is null) ? "a file or an average is null."
        : Files.Any(file => file.Size < 0 || Path.GetFileName(file.Name) != file.Name) ? "a file has an impossible name or size."
        : Averages.Any(average => average.Decay is not (>= 0 and < 1)) ? "a decay is out of its range."
        : !Files.Select(file => file.Name).Order(StringComparer.Ordinal)
            .SequenceEqual(ExpectedFiles.Order(StringComparer.Ordinal), StringComparer.Ordinal)
            ? $"it lists the files {string.Join(", ", Files.Select(file => file.Name))}, but must list {string.Join(", ", ExpectedFiles)}."
        : null;

    /// <summary>Why it would be refused when it is read again, or null.</summary>
    /// <param name="averages">How many averages go with it.</param>
    internal string? ProblemToSave(int averages) =>
        FormatVersion != CurrentVersion ? $"its format version is {FormatVersion}, but must be {CurrentVersion}."
        : Averages.Count != averages ? $"it names {Averages.Count} averages, but has {averages}."
        : HeldOutLoss is { } loss && !double.IsFinite(loss) ? $"its held-out loss is {loss}, which JSON cannot hold; use null."
        : (this with { Files = [.. ExpectedFiles.Select(name => new CheckpointFile(name, 0, string.Empty))] }).Problem;

    private IEnumerable<string> ExpectedFiles =>
        [CheckpointFiles.Weights, CheckpointFormat.OptimizerFile, .. Averages.Select(average => average.File)];

    /// <summary>
    /// The manifest that a text holds. Options that are not in it, as they came after the library that wrote it, have their defaults.
    /// </summary>
    /// <exception cref="JsonException">The text is no manifest.</exception>
    internal static CheckpointManifest Parse(string text)
    {
        JsonNode? manifest = JsonNode.Parse(text, documentOptions: new JsonDocumentOptions { AllowDuplicateProperties = false });
        if (manifest is JsonObject all && all["options"] is JsonObject options)
        {
            EarlierOptionNames.Replace(options);

            // The generated reader would make them zero, whatever their initializers say.
            Complete(options, JsonSerializer.SerializeToNode(new TrainingOptions(), CheckpointJson.Default.TrainingOptions)!.AsObject());
        }

        return manifest.Deserialize(CheckpointJson.Default.CheckpointManifest) ?? throw new JsonException("It is empty.");
    }

    private static void Complete(JsonObject options, JsonObject defaults)
    {
        foreach ((string name, JsonNode? value) in defaults)
        {
            if (!options.TryGetPropertyValue(name, out JsonNode? own))
            {
                options[name] = value?.DeepClone();
            }
            else if (own is JsonObject inner && value is JsonObject innerDefaults)
            {
                Complete(inner, innerDefaults);
            }
        }
    }
}

/// <summary>How a manifest becomes JSON, without reflection.</summary>
[JsonSourceGenerationOptions(
    WriteIndented = true, NewLine = "\n", UseStringEnumConverter = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
    AllowDuplicateProperties = false, Converters = [typeof(FiniteNumber)])]
[JsonSerializable(typeof(CheckpointManifest))]
internal sealed partial class CheckpointJson : JsonSerializerContext;
