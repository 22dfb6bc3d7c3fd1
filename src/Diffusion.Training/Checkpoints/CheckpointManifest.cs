using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Diffusion.Training;

/// <summary>What a checkpoint says of itself: <c>manifest.json</c> in its folder.</summary>
public sealed record CheckpointManifest
{
    /// <summary>The version of the format that this library writes: 1.</summary>
    public const int CurrentVersion = 1;

    /// <summary>The version of the format.</summary>
    public int FormatVersion { get; init; } = CurrentVersion;

    /// <summary>Optimizer steps made.</summary>
    public required long Step { get; init; }

    /// <summary>Images seen: the position in the run from which all draws go on.</summary>
    public required long ImagesSeen { get; init; }

    /// <summary>Steps skipped for gradients that are not finite.</summary>
    public required long SkippedSteps { get; init; }

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

    /// <summary>How many images the data has, held-out ones included.</summary>
    public required long DataCount { get; init; }

    /// <summary>The device it ran on.</summary>
    public required string Device { get; init; }

    /// <summary>libtorch's CPU threads: the last bits of results depend on them.</summary>
    public required int CpuThreads { get; init; }

    /// <summary>The version of this library.</summary>
    public required string LibraryVersion { get; init; }

    /// <summary>The version of libtorch.</summary>
    public required string TorchVersion { get; init; }

    /// <summary>The options of the run.</summary>
    public required TrainingOptions Options { get; init; }

    /// <summary>The manifest that a text holds. Options that are not in it, as they came after the library that wrote it, have their defaults.</summary>
    /// <exception cref="JsonException">The text is no manifest.</exception>
    internal static CheckpointManifest Parse(string text)
    {
        JsonNode? manifest = JsonNode.Parse(text, documentOptions: new JsonDocumentOptions { AllowDuplicateProperties = false });
        if (manifest is JsonObject all && all["options"] is JsonObject options)
        {
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
    WriteIndented = true, UseStringEnumConverter = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(CheckpointManifest))]
internal sealed partial class CheckpointJson : JsonSerializerContext;
