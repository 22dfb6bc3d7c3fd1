namespace Diffusion.Data;

/// <summary>Collects what a source skips while it is opened. Not thread-safe.</summary>
internal sealed class SkippedImageList
{
    private readonly Dictionary<string, (long Count, List<string> Examples)> parts = new(StringComparer.Ordinal);
    private readonly List<string> order = [];

    /// <summary>Records a skipped file or sample.</summary>
    /// <param name="reason">Why it was skipped.</param>
    /// <param name="example">Its name.</param>
    /// <param name="count">The number of files or samples.</param>
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

    /// <summary>Creates the report of a source.</summary>
    /// <param name="imageCount">The number of images in the source.</param>
    public ImageSourceReport ToReport(long imageCount) =>
        new(imageCount,
            [.. order.Select(reason => new SkippedImages(reason, parts[reason].Count,
                parts[reason].Examples) { IsExpected = reason == SystemFiles.Reason })]);
}
