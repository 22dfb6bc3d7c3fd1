using System.Text.Json;
using System.Text.Json.Serialization;

namespace Diffusion.Training;

/// <summary>Writes one line of JSON per image that could not be read into <c>bad-images.jsonl</c>; a resumed run goes on in the same file.</summary>
public sealed class BadImageFile
{
    /// <summary>The name of the file in the run's folder.</summary>
    public const string FileName = "bad-images.jsonl";

    private readonly string path;

    /// <summary>The bad images of a run's folder.</summary>
    /// <param name="folder">The folder of the run; it exists.</param>
    public BadImageFile(string folder) => path = Path.Combine(folder, FileName);

    /// <summary>Appends one line.</summary>
    /// <param name="image">What could not be read.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Add(BadImage image) =>
        File.AppendAllText(path, JsonSerializer.Serialize(image, BadImageJson.Default.BadImage) + "\n");
}

/// <summary>How a bad image becomes JSON, without reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(BadImage))]
internal sealed partial class BadImageJson : JsonSerializerContext;
