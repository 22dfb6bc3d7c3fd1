using System.Text;
using System.Text.Json;

namespace Diffusion.Training;

/// <summary>The names of the files of a checkpoint, and the serialization of its manifest.</summary>
internal static class CheckpointFormat
{
    public const string OptimizerFile = "optimizer.safetensors";

    public const string FirstEmaFile = "ema.safetensors";

    /// <summary>
    /// Returns the files of the averaged weights: <c>ema.safetensors</c> for the first average, and names with the law, such as
    /// <c>ema-power-function-sigma-rel-0.1.safetensors</c>, for the others.
    /// </summary>
    public static IReadOnlyList<CheckpointAverage> AveragesOf(IReadOnlyList<EmaLaw> laws) =>
        [.. laws.Select((law, place) => new CheckpointAverage(law.Description, place == 0 ? FirstEmaFile : FileOf(law)))];

    /// <summary>Serializes a manifest to the bytes of its file.</summary>
    /// <exception cref="CheckpointException">The manifest would be too large to be read again.</exception>
    public static byte[] Write(CheckpointManifest manifest)
    {
        byte[] json = [.. JsonSerializer.SerializeToUtf8Bytes(manifest with { Sha256 = ManifestSeal.Unsealed },
            CheckpointJson.Default.CheckpointManifest), (byte)'\n'];
        if (json.Length > CheckpointFiles.MaxManifest)
        {
            throw new CheckpointException(
                $"The manifest of step {manifest.Step} has {json.Length} bytes, but must have at most {CheckpointFiles.MaxManifest}. "
                    + $"Shorten the descriptions of the model, the schedule, the optimizer and the data.");
        }

        ManifestSeal.Close(json);
        return json;
    }

    /// <summary>Verifies and parses a manifest.</summary>
    /// <exception cref="CheckpointDamageException">The manifest is damaged.</exception>
    /// <exception cref="CheckpointException">The manifest has another version of the format.</exception>
    public static CheckpointManifest Read(ReadOnlySpan<byte> json, string path)
    {
        CheckpointFiles.VerifyManifest(json, path);
        return Parse(json, path);
    }

    /// <summary>Parses a manifest whose seal and version are verified.</summary>
    public static CheckpointManifest Parse(ReadOnlySpan<byte> json, string path)
    {
        try
        {
            CheckpointManifest manifest = CheckpointManifest.Parse(Encoding.UTF8.GetString(json));
            return manifest.Problem is { } problem
                ? throw new CheckpointDamageException(path, $"{CheckpointFiles.Manifest}: {problem}")
                : manifest;
        }
        catch (Exception problem) when (problem is JsonException or InvalidOperationException)
        {
            // The seal is intact, so another version of the library wrote these values.
            throw new CheckpointException(
                $"Checkpoint '{path}' is intact, but its {CheckpointFiles.Manifest} is not valid for this version of the library: "
                + $"{problem.Message} Use the version of the library that wrote it.",
                problem);
        }
    }

    // Without the characters that a file name cannot have on some systems.
    private static string FileOf(EmaLaw law) => $"ema-{law.Description.Replace(": ", "-", StringComparison.Ordinal)
        .Replace(", ", "-", StringComparison.Ordinal).Replace('(', '-').TrimEnd(')')}.safetensors";
}
