namespace Diffusion.Data;

/// <summary>Collects what a source leaves out while it is opened. For one thread.</summary>
internal sealed class SkippedImageList
{
    private readonly Dictionary<string, (long Count, List<string> Examples)> parts = new(StringComparer.Ordinal);
    private readonly List<string> order = [];

    /// <summary>Notes what was left out.</summary>
    /// <param name="reason">Why.</param>
    /// <param name="example">Its name.</param>
    /// <param name="count">How many files or samples that is.</param>
    public void Add(string reason, string example, long count = 1)
    {
        if (!parts.TryGetValue(reason, out (long Count, List<string> Examples) part))
        {
            part = (0, []);
            order.Add(reason);
        }

        if (part.Examples.Count < SkippedImages.MaxExamples)
        {
            part.Examples.Add(example);
        }

        parts[reason] = (part.Count + count, part.Examples);
    }

    /// <summary>What a source says of itself.</summary>
    /// <param name="taken">How many images it gives.</param>
    public ImageSourceReport ToReport(long taken) =>
        new(taken,
            [.. order.Select(reason => new SkippedImages(reason, parts[reason].Count,
                parts[reason].Examples) { IsExpected = reason == SystemFiles.Reason })]);
}
