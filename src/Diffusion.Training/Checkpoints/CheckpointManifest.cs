using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Diffusion.Data;

namespace Diffusion.Training;

/// <summary>The description of a checkpoint: <c>manifest.json</c> in its folder.</summary>
public sealed record CheckpointManifest
{
    /// <summary>The version of the format that this library writes and reads: 2.</summary>
    public const int CurrentVersion = CheckpointFiles.Version;

    /// <summary>The version of the format.</summary>
    public int FormatVersion { get; init; } = CurrentVersion;

    /// <summary>The number of optimizer steps taken.</summary>
    public required long Step { get; init; }

    /// <summary>The number of images seen. This is the position of the next image in the run, which determines all random draws.</summary>
    public required long ImagesSeen { get; init; }

    /// <summary>The number of steps skipped because of gradients that are not finite.</summary>
    public required long SkippedSteps { get; init; }

    /// <summary>The number of steps skipped in a row up to and including the last step.</summary>
    public long SkippedInARow { get; init; }

    /// <summary>The number of steps skipped because gradients overflowed float16 while the loss scale was above its least value.</summary>
    public long OverflowedSteps { get; init; }

    /// <summary>What the loss is multiplied by, a power of two in 1..16,777,216; null unless the network computes in float16.</summary>
    public double? LossScale { get; init; }

    /// <summary>The number of steps with finite gradients since the loss scale last changed or a step last overflowed.</summary>
    public long LossScaleGoodSteps { get; init; }

    /// <summary>How often the run rolled back to a checkpoint and divided the learning rate by three, 0 to 3.</summary>
    public int Rollbacks { get; init; }

    /// <summary>The number of optimizer steps of the warm-up. If the run is extended later, the warm-up does not start again.</summary>
    public required long WarmupSteps { get; init; }

    /// <summary>The description of the network.</summary>
    public required string Model { get; init; }

    /// <summary>The description of the noise schedule.</summary>
    public required string Schedule { get; init; }

    /// <summary>What the network predicts.</summary>
    public required PredictionType Prediction { get; init; }

    /// <summary>The description of the optimizer.</summary>
    public required string Optimizer { get; init; }

    /// <summary>The description of the data.</summary>
    public required string Data { get; init; }

    /// <summary>Channels, height and width of the training images; null in a checkpoint of an earlier version.</summary>
    [JsonInclude]
    internal IReadOnlyList<int>? ImageShape { get; init; }

    /// <summary>
    /// The number of images in the data, and the position from which it applies; one entry more each time the data was extended.
    /// </summary>
    [JsonInclude]
    internal IReadOnlyList<DataExtent> DataExtents { get; init; } = [];

    /// <summary>The device of the run.</summary>
    public required string Device { get; init; }

    /// <summary>The number of CPU threads of libtorch. The last bits of results depend on it.</summary>
    public required int CpuThreads { get; init; }

    /// <summary>The version of this library.</summary>
    public required string LibraryVersion { get; init; }

    /// <summary>The version of libtorch.</summary>
    public required string TorchVersion { get; init; }

    /// <summary>The number of processes that trained together.</summary>
    public int World { get; init; } = 1;

    /// <summary>The last measured loss on held-out images; null if none was measured.</summary>
    public double? HeldOutLoss { get; init; }

    /// <summary>The step at which <see cref="HeldOutLoss"/> was measured; null if it was not.</summary>
    public long? HeldOutStep { get; init; }

    /// <summary>The options of the run.</summary>
    public required TrainingOptions Options { get; init; }

    /// <summary>The averages of the weights. Previews and results use the first one.</summary>
    [JsonInclude, JsonRequired]
    internal IReadOnlyList<CheckpointAverage> Averages { get; init; } = [];

    /// <summary>The other files of the checkpoint. The store sets this property.</summary>
    [JsonInclude, JsonRequired]
    internal IReadOnlyList<CheckpointFile> Files { get; init; } = [];

    /// <summary>The SHA-256 of this manifest, computed with 64 zeros in this place. The store sets this property.</summary>
    [JsonPropertyOrder(int.MaxValue)]
    public string Sha256 { get; init; } = string.Empty;

    /// <summary>Why this library cannot have written this manifest, or null.</summary>
    [JsonIgnore]
    internal string? Problem =>
        Step < 0 || ImagesSeen < 0 || SkippedSteps < 0 || SkippedInARow < 0 || SkippedInARow > SkippedSteps
            || OverflowedSteps < 0 || LossScaleGoodSteps < 0 || (LossScale is { } scale && !Training.LossScale.IsPossible(scale))
            || Rollbacks is < 0 or > Rollback.MaxCount
            || WarmupSteps is < 0 or > int.MaxValue || World < 1 ? "a number is out of range."
        : DataExtent.AreImpossible(DataExtents) ? "the data extents are not in ascending order."
        : Files.Any(file => file is null) || Averages.Any(average => average is null) ? "a file or an average is null."
        : Files.Any(file => file.Size < 0 || Path.GetFileName(file.Name) != file.Name) ? "a file has an invalid name or size."
        : !Files.Select(file => file.Name).Order(StringComparer.Ordinal)
            .SequenceEqual(ExpectedFiles.Order(StringComparer.Ordinal), StringComparer.Ordinal)
            ? $"it lists the files {string.Join(", ", Files.Select(file => file.Name))}, but must list {string.Join(", ", ExpectedFiles)}."
        : null;

    /// <summary>Why a checkpoint with this manifest could not be loaded again, or null.</summary>
    /// <param name="averages">The number of averages in the checkpoint.</param>
    internal string? ProblemToSave(int averages) =>
        FormatVersion != CurrentVersion ? $"the format version is {FormatVersion}, but must be {CurrentVersion}."
        : Averages.Count != averages ? $"the manifest lists {Averages.Count} averages, but the checkpoint has {averages}."
        : HeldOutLoss is { } loss && !double.IsFinite(loss) ? $"the held-out loss is {loss}, which JSON cannot represent. Use null."
        : (this with { Files = [.. ExpectedFiles.Select(name => new CheckpointFile(name, 0, string.Empty))] }).Problem;

    private IEnumerable<string> ExpectedFiles =>
        [CheckpointFiles.Weights, CheckpointFormat.OptimizerFile, .. Averages.Select(average => average.File)];

    /// <summary>
    /// Parses a manifest. Options that the text lacks, because a later version of the library added them, get their defaults.
    /// </summary>
    /// <exception cref="JsonException">The text is not a manifest.</exception>
    internal static CheckpointManifest Parse(string text)
    {
        JsonNode? manifest = JsonNode.Parse(text, documentOptions: new JsonDocumentOptions { AllowDuplicateProperties = false });
        if (manifest is JsonObject all && all["options"] is JsonObject options)
        {
            EarlierOptionNames.Replace(options);

            // The generated reader sets missing options to zero and ignores their initializers.
            Complete(options, JsonSerializer.SerializeToNode(new TrainingOptions(), CheckpointJson.Default.TrainingOptions)!.AsObject());
        }

        if ((manifest as JsonObject)?["averages"] is JsonArray averages)
        {
            EarlierOptionNames.ReplaceDecays(averages);
        }

        CheckpointManifest parsed = manifest.Deserialize(CheckpointJson.Default.CheckpointManifest)
            ?? throw new JsonException("The text is empty.");
        return parsed.Averages.FirstOrDefault(average => average is not null && EmaLaw.Names.Find(average.Law) is null) is { } unknown
            ? throw new JsonException($"The law of an average, {unknown.Law}, is unknown.")
            : parsed;
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

/// <summary>The JSON serializer of manifests, without reflection.</summary>
[JsonSourceGenerationOptions(
    WriteIndented = true, NewLine = "\n", UseStringEnumConverter = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
    AllowDuplicateProperties = false, Converters = [typeof(FiniteNumber)])]
[JsonSerializable(typeof(CheckpointManifest))]
internal sealed partial class CheckpointJson : JsonSerializerContext;
