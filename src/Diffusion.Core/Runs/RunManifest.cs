using System.Text.Json;

namespace Diffusion;

/// <summary>The part of a checkpoint's manifest that sampling needs.</summary>
/// <param name="Step">The number of optimizer steps.</param>
/// <param name="Model">The description of the network.</param>
/// <param name="Schedule">The description of the noise schedule.</param>
/// <param name="StoredSchedule">The noise schedule as data; null if it is of the user's own type.</param>
/// <param name="Prediction">What the network predicts.</param>
/// <param name="Averages">The averages of the weights.</param>
/// <param name="Files">The other files of the checkpoint.</param>
internal sealed record RunManifest(long Step, string Model, string Schedule, StoredSchedule? StoredSchedule, PredictionType Prediction,
    IReadOnlyList<CheckpointAverage> Averages, IReadOnlyList<CheckpointFile> Files)
{
    /// <summary>What the description of an objective calls label dropout.</summary>
    public const string LabelDropout = "label-dropout";

    /// <summary>The shape of the training images; null in a checkpoint of an earlier version.</summary>
    public ImageShape? ImageShape { get; private init; }

    /// <summary>Whether the training had label dropout, so that the last class of the network means "no class".</summary>
    public bool DropsLabels { get; private init; }

    /// <summary>Whether an objective drops labels. One that code gave as a whole says so in its description only.</summary>
    /// <param name="fraction">The fraction that the options have.</param>
    /// <param name="description">The description; null for an objective of the options.</param>
    public static bool IsLabelDropout(double? fraction, string? description) =>
        fraction > 0 || description?.Contains($"{LabelDropout}(", StringComparison.Ordinal) == true;

    /// <summary>Reads the manifest of a checkpoint.</summary>
    /// <exception cref="CheckpointDamageException">It is missing or damaged.</exception>
    /// <exception cref="CheckpointException">It has another version, or cannot be read now.</exception>
    public static RunManifest Read(string folder)
    {
        byte[] json = CheckpointFiles.ReadManifest(folder);
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            JsonElement manifest = document.RootElement;
            return new RunManifest(
                manifest.GetProperty("step").GetInt64(),
                Text(manifest, "model"),
                Text(manifest, "schedule"),
                ScheduleOf(manifest.GetProperty("options")),
                Enum.Parse<PredictionType>(Text(manifest, "prediction")),
                [.. manifest.GetProperty("averages").EnumerateArray()
                    .Select(average => new CheckpointAverage(
                        average.TryGetProperty("decay", out JsonElement decay)
                            ? CheckpointAverage.LawOf(decay.GetDouble())
                            : Text(average, "law"),
                        Text(average, "file")))],
                [.. manifest.GetProperty("files").EnumerateArray()
                    .Select(file => new CheckpointFile(Text(file, "name"), file.GetProperty("size").GetInt64(), Text(file, "sha256")))])
            {
                ImageShape = ShapeOf(manifest),
                DropsLabels = HasLabelDropout(manifest.GetProperty("options")),
            };
        }
        catch (Exception problem) when (
            problem is JsonException or InvalidOperationException or KeyNotFoundException or FormatException or ArgumentException)
        {
            // The seal is intact, so another version of the library wrote these values.
            throw new CheckpointException(
                $"Checkpoint '{folder}' is intact, but its {CheckpointFiles.Manifest} is not valid for this version of the library: "
                + $"{problem.Message} Use the version of the library that wrote it.",
                problem);
        }
    }

    /// <summary>Reads a file of tensors.</summary>
    /// <returns>The tensors; the caller disposes them.</returns>
    /// <exception cref="CheckpointDamageException">The file is not listed, missing or damaged.</exception>
    /// <exception cref="CheckpointException">The file cannot be read now.</exception>
    public SafeTensors ReadTensors(string folder, string name) => CheckpointFiles.ReadTensors(
        folder,
        Files.FirstOrDefault(file => file.Name == name)
            ?? throw new CheckpointDamageException(folder, $"{CheckpointFiles.Manifest} does not list {name}."));

    private static ImageShape? ShapeOf(JsonElement manifest) =>
        manifest.TryGetProperty("imageShape", out JsonElement shape) && shape.ValueKind == JsonValueKind.Array
            && shape.GetArrayLength() == 3
            ? new ImageShape(shape[0].GetInt32(), shape[1].GetInt32(), shape[2].GetInt32())
            : null;

    // Earlier versions had no label dropout.
    private static bool HasLabelDropout(JsonElement options) =>
        options.TryGetProperty("objective", out JsonElement objective) && objective.ValueKind == JsonValueKind.Object
            && IsLabelDropout(Number(objective, "labelDropout"), objective.TryGetProperty("description", out JsonElement text)
                && text.ValueKind == JsonValueKind.String ? text.GetString() : null);

    private static StoredSchedule? ScheduleOf(JsonElement options)
    {
        double[]? betas = options.TryGetProperty("betas", out JsonElement list) && list.ValueKind == JsonValueKind.Array
            ? [.. list.EnumerateArray().Select(beta => beta.GetDouble())]
            : null;
        string? description = options.TryGetProperty("scheduleDescription", out JsonElement text) ? text.GetString() : null;
        return betas is null && description is not null
            ? null
            : new StoredSchedule
            {
                Kind = Enum.Parse<NoiseScheduleKind>(Text(options, "schedule")),
                Timesteps = options.GetProperty("timesteps").GetInt32(),
                BetaStart = Number(options, "betaStart"),
                BetaEnd = Number(options, "betaEnd"),
                SigmaMin = Number(options, "sigmaMin"),
                SigmaMax = Number(options, "sigmaMax"),
                FlowShift = Number(options, "flowShift"),
                Betas = betas,
                ZeroTerminalSnr = options.TryGetProperty("zeroTerminalSnr", out JsonElement rescaled) && rescaled.GetBoolean(),
                Description = description,
            };
    }

    private static double? Number(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;

    private static string Text(JsonElement parent, string name) =>
        parent.GetProperty(name).GetString() ?? throw new JsonException($"{name} is null.");
}
