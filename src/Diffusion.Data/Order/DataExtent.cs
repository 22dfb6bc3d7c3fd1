namespace Diffusion.Data;

/// <summary>How many images a run trains on from one epoch on. The first begins at 0; each later one is an extension of the data.</summary>
/// <param name="Position">The run's position (images seen) at which it begins.</param>
/// <param name="Count">How many images the data has, held-out ones included.</param>
/// <param name="Fingerprint">A SHA-256 over a few of these images, by which others are told from them.</param>
internal sealed record DataExtent(long Position, long Count, string Fingerprint)
{
    /// <summary>Whether a list is not one that a run can have had.</summary>
    internal static bool AreImpossible(IReadOnlyList<DataExtent> extents) =>
        extents is not [{ Position: 0 }, ..]
        || extents.Any(extent => extent is not { Count: > 0 and <= SampleOrder.MaxCount })
        || extents.Zip(extents.Skip(1)).Any(pair => pair.First.Position >= pair.Second.Position || pair.First.Count >= pair.Second.Count);
}
