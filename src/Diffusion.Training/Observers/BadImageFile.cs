using System.Text.Json.Serialization;
using Diffusion.Data;

namespace Diffusion.Training;

/// <summary>
/// Writes one line of JSON per image that could not be read into <c>bad-images.jsonl</c>; a resumed run appends to the same file.
/// </summary>
internal sealed class BadImageFile
{
    /// <summary>The name of the file in the run's folder.</summary>
    public const string FileName = "bad-images.jsonl";

    private readonly JsonLines<BadImage> lines;

    /// <summary>The bad images of a run's folder.</summary>
    /// <param name="folder">The folder of the run; it exists.</param>
    public BadImageFile(string folder) => lines = new(Path.Combine(Path.GetFullPath(folder), FileName), BadImageJson.Default.BadImage);

    /// <summary>
    /// Drops the images that a run listed beyond the position that it resumes from, where it meets them again, and a last line that was not
    /// written whole.
    /// </summary>
    /// <param name="position">The images seen that the run resumes from; 0, when it begins anew, empties the list.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void CutFrom(long position) => lines.Keep(image => image.Position < position);

    /// <summary>Appends one line.</summary>
    /// <param name="image">What could not be read.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Add(BadImage image) => lines.Add(image);
}

/// <summary>How a bad image becomes JSON, without reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(BadImage))]
internal sealed partial class BadImageJson : JsonSerializerContext;
