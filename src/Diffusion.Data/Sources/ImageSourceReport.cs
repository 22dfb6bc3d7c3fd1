namespace Diffusion.Data;

/// <summary>Which images a source uses and which files it skipped when it was opened.</summary>
/// <param name="ImageCount">The number of images in the source, at least 0.</param>
/// <param name="Skipped">What was skipped, one entry per reason; empty when nothing was skipped.</param>
public sealed record ImageSourceReport(long ImageCount, IReadOnlyList<SkippedImages> Skipped)
{
    /// <summary>The total number of skipped files or samples.</summary>
    public long SkippedCount => Skipped.Sum(part => part.Count);

    /// <summary>One line for the images, then one for each reason.</summary>
    /// <returns>Text without a trailing line break.</returns>
    public override string ToString() => ToString($"{ImageCount} images");

    /// <summary>One line that describes the source, then one for each reason.</summary>
    /// <param name="description">The source's <see cref="IImageSource.Description"/>.</param>
    /// <returns>Text without a trailing line break.</returns>
    public string ToString(string description) =>
        string.Join(Environment.NewLine, Skipped.Select(part => part.ToString()).Prepend(description));
}
