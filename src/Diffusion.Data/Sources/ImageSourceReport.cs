namespace Diffusion.Data;

/// <summary>What a source took and what it left out when it was opened.</summary>
/// <param name="Taken">How many images it gives, at least 0.</param>
/// <param name="LeftOut">What it left out, one entry for each reason; empty where it took everything.</param>
public sealed record ImageSourceReport(long Taken, IReadOnlyList<SkippedImages> LeftOut)
{
    /// <summary>How many files or samples were left out, for all reasons together.</summary>
    public long LeftOutCount => LeftOut.Sum(part => part.Count);

    /// <summary>One line for the images taken, then one for each reason.</summary>
    /// <returns>Text without a line break at its end.</returns>
    public override string ToString() => ToString($"{Taken} images");

    /// <summary>One line that describes the source, then one for each reason.</summary>
    /// <param name="description">The source's <see cref="IImageSource.Description"/>.</param>
    /// <returns>Text without a line break at its end.</returns>
    public string ToString(string description) =>
        string.Join(Environment.NewLine, LeftOut.Select(part => part.ToString()).Prepend(description));
}
