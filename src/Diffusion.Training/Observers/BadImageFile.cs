using System.Text.Json.Serialization;
using Diffusion.Data;

namespace Diffusion.Training;

/// <summary>Writes one line of JSON per unreadable image to <c>bad-images.jsonl</c>. A resumed run appends to the same file.</summary>
internal sealed class BadImageFile
{
    /// <summary>The name of the file in the run folder.</summary>
    public const string FileName = "bad-images.jsonl";

    private readonly JsonLines<BadImage> lines;

    /// <summary>Uses the file in the folder of a run.</summary>
    /// <param name="folder">The folder of the run. It must exist.</param>
    public BadImageFile(string folder) => lines = new(Path.Combine(Path.GetFullPath(folder), FileName), BadImageJson.Default.BadImage);

    /// <summary>
    /// Deletes the images at and after the position from which the run resumes, because the run will see them again, and an incomplete last
    /// line.
    /// </summary>
    /// <param name="position">
    /// The number of images seen at the point from which the run resumes; 0 for a new run, which empties the list.
    /// </param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void CutFrom(long position) => lines.Keep(image => image.Position < position);

    /// <summary>Appends one line.</summary>
    /// <param name="image">The image that could not be read.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Add(BadImage image) => lines.Add(image);
}

/// <summary>The JSON serializer of bad images, without reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(BadImage))]
internal sealed partial class BadImageJson : JsonSerializerContext;
