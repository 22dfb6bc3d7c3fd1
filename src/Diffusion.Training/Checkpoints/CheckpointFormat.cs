using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Diffusion.Training;

/// <summary>The names of the files of a checkpoint, and the serialization of its manifest.</summary>
internal static class CheckpointFormat
{
    /// <summary>The folder of the checkpoints in the folder of the run.</summary>
    public const string Folder = "checkpoints";

    public const string ManifestFile = "manifest.json";
    public const string WeightsFile = "weights.safetensors";
    public const string OptimizerFile = "optimizer.safetensors";

    public const string FirstEmaFile = "ema.safetensors";

    /// <summary>The maximum size of a manifest in bytes.</summary>
    public const int MaxManifest = 1 << 18;

    /// <summary>
    /// Returns the files of the averaged weights: <c>ema.safetensors</c> for the first average, and names with the decay, such as
    /// <c>ema-0.999.safetensors</c>, for the others.
    /// </summary>
    public static IReadOnlyList<CheckpointAverage> AveragesOf(IReadOnlyList<double> decays) =>
        [.. decays.Select((decay, place) => new CheckpointAverage(decay, place == 0
            ? FirstEmaFile
            : string.Create(CultureInfo.InvariantCulture, $"ema-{decay}.safetensors")))];

    /// <summary>Serializes a manifest to the bytes of its file.</summary>
    /// <exception cref="CheckpointException">The manifest would be too large to be read again.</exception>
    public static byte[] Write(CheckpointManifest manifest)
    {
        byte[] json = [.. JsonSerializer.SerializeToUtf8Bytes(manifest with { Sha256 = ManifestSeal.Unsealed },
            CheckpointJson.Default.CheckpointManifest), (byte)'\n'];
        if (json.Length > MaxManifest)
        {
            throw new CheckpointException(
                $"The manifest of step {manifest.Step} has {json.Length} bytes, but must have at most {MaxManifest}. "
                    + $"Shorten the descriptions of the model, the schedule, the optimizer and the data.");
        }

        ManifestSeal.Close(json);
        return json;
    }

    /// <summary>Parses and verifies a manifest.</summary>
    /// <exception cref="CheckpointDamageException">The manifest is damaged.</exception>
    /// <exception cref="CheckpointException">The format has another version, or the manifest is intact but invalid.</exception>
    public static CheckpointManifest Read(ReadOnlySpan<byte> json, string path)
    {
        if (!ManifestSeal.IsWhole(json))
        {
            // Version 1 had no seal.
            throw VersionIn(json) is 1 and int first
                ? OtherVersion(path, first)
                : new CheckpointDamageException(path, $"{ManifestFile} does not match its sha256.");
        }

        if (VersionIn(json) is not CheckpointManifest.CurrentVersion and var version)
        {
            throw OtherVersion(path, version);
        }

        try
        {
            CheckpointManifest manifest = CheckpointManifest.Parse(Encoding.UTF8.GetString(json));
            return manifest.Problem is { } problem ? throw new CheckpointDamageException(path, $"{ManifestFile}: {problem}") : manifest;
        }
        catch (Exception problem) when (problem is JsonException or InvalidOperationException)
        {
            // The seal matches, so the manifest is not damaged.
            throw new CheckpointException(
                $"Checkpoint '{path}' is intact, but its {ManifestFile} is not valid for this version of the library: "
                    + $"{problem.Message} Use the version of the library that wrote it.",
                problem);
        }
    }

    private static int? VersionIn(ReadOnlySpan<byte> json)
    {
        try
        {
            Utf8JsonReader reader = new(json);
            using JsonDocument document = JsonDocument.ParseValue(ref reader);
            return document.RootElement.ValueKind == JsonValueKind.Object
                && document.RootElement.TryGetProperty("formatVersion", out JsonElement version)
                && version.ValueKind == JsonValueKind.Number && version.TryGetInt32(out int number)
                ? number
                : null;
        }
        catch (Exception problem) when (problem is JsonException or InvalidOperationException)
        {
            return null; // InvalidOperationException: a property name with an unpaired surrogate.
        }
    }

    private static CheckpointException OtherVersion(string path, int? version) => new(
        $"Checkpoint '{path}' has format version {version?.ToString(CultureInfo.InvariantCulture) ?? "unknown"}; this library reads "
        + $"{CheckpointManifest.CurrentVersion}. Use the version of the library that wrote it.");
}
