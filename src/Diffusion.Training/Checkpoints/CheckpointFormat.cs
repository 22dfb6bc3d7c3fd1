using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Diffusion.Training;

/// <summary>The names of a checkpoint's files, and its manifest as bytes.</summary>
internal static class CheckpointFormat
{
    /// <summary>The folder of checkpoints in that of the run.</summary>
    public const string Folder = "checkpoints";

    public const string ManifestFile = "manifest.json";
    public const string WeightsFile = "weights.safetensors";
    public const string OptimizerFile = "optimizer.safetensors";

    public const string FirstEmaFile = "ema.safetensors";

    /// <summary>The most bytes that a manifest may have.</summary>
    public const int MaxManifest = 1 << 18;

    /// <summary>
    /// The files of averaged weights: <c>ema.safetensors</c>, and for more of them <c>ema-0.999.safetensors</c> by their decay.
    /// </summary>
    public static IReadOnlyList<CheckpointAverage> AveragesOf(IReadOnlyList<double> decays) =>
        [.. decays.Select((decay, place) => new CheckpointAverage(decay, place == 0
            ? FirstEmaFile
            : string.Create(CultureInfo.InvariantCulture, $"ema-{decay}.safetensors")))];

    /// <summary>A manifest as its file holds it.</summary>
    /// <exception cref="CheckpointException">It would be larger than one that is read.</exception>
    public static byte[] Write(CheckpointManifest manifest)
    {
        byte[] json = [.. JsonSerializer.SerializeToUtf8Bytes(manifest with { Sha256 = ManifestSeal.Unsealed },
            CheckpointJson.Default.CheckpointManifest), (byte)'\n'];
        if (json.Length > MaxManifest)
        {
            throw new CheckpointException(
                $"The manifest of step {manifest.Step} would have {json.Length} bytes, more than the {MaxManifest} that are read again. "
                    + $"Shorten the descriptions of the model, the schedule, the optimizer and the data.");
        }

        ManifestSeal.Close(json);
        return json;
    }

    /// <summary>Reads a manifest strictly.</summary>
    /// <exception cref="CheckpointDamageException">It is not as it was written.</exception>
    /// <exception cref="CheckpointException">It is of another version of the format.</exception>
    public static CheckpointManifest Read(ReadOnlySpan<byte> json, string path)
    {
        if (!ManifestSeal.IsWhole(json))
        {
            // The first version had no seal.
            throw VersionIn(json) is 1 and int first
                ? OtherVersion(path, first)
                : new CheckpointDamageException(path, $"{ManifestFile} is not as it was written: its sha256 does not fit.");
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
            // Its seal fits, so it is as it was written.
            throw new CheckpointException(
                $"Checkpoint '{path}' is whole, but to this version of the library its {ManifestFile} is no valid manifest: "
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
            return null; // The second comes of names with half a surrogate pair.
        }
    }

    private static CheckpointException OtherVersion(string path, int? version) => new(
        $"Checkpoint '{path}' has format version {version?.ToString(CultureInfo.InvariantCulture) ?? "unknown"}; this library reads "
        + $"{CheckpointManifest.CurrentVersion}. Use the version of the library that wrote it.");
}
