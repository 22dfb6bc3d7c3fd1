namespace Diffusion.Data;

/// <summary>The number of images of a run from one epoch on. The first extent begins at 0; each later one extends the data.</summary>
/// <param name="Position">The position of the run (images seen) at which the extent begins.</param>
/// <param name="Count">The number of images, including held-out images.</param>
/// <param name="Fingerprint">A SHA-256 of a few of the images, to recognize changes.</param>
internal sealed record DataExtent(long Position, long Count, string Fingerprint)
{
    /// <summary>Whether a list of extents cannot belong to any run.</summary>
    internal static bool AreImpossible(IReadOnlyList<DataExtent> extents) =>
        extents is not [{ Position: 0 }, ..]
        || extents.Any(extent => extent is not { Count: > 0 and <= SampleOrder.MaxCount })
        || extents.Zip(extents.Skip(1)).Any(pair => pair.First.Position >= pair.Second.Position || pair.First.Count >= pair.Second.Count);
}
