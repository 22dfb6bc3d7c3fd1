namespace Diffusion.Data;

/// <summary>What a source took and what it left out when it was opened.</summary>
/// <param name="ImageCount">How many images it gives, at least 0.</param>
/// <param name="Skipped">What it left out, one entry for each reason; empty where it took everything.</param>
public sealed record ImageSourceReport(long ImageCount, IReadOnlyList<SkippedImages> Skipped)
{
    /// <summary>How many files or samples were left out, for all reasons together.</summary>
    public long SkippedCount => Skipped.Sum(part => part.Count);

    /// <summary>One line for the images taken, then one for each reason.</summary>
    /// <returns>Text without a line break at its end.</returns>
    public override string ToString() => ToString($"{ImageCount} images");

    /// <summary>One line that describes the source, then one for each reason.</summary>
    /// <param name="description">The source's <see cref="IImageSource.Description"/>.</param>
    /// <returns>Text without a line break at its end.</returns>
    public string ToString(string description) =>
        string.Join(Environment.NewLine, Skipped.Select(part => part.ToString()).Prepend(description));
}
