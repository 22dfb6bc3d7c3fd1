namespace Diffusion.Training;

/// <summary>Files or samples that a source left out for one reason.</summary>
/// <param name="Reason">Why, as a phrase that completes "left out:", for example <c>folders that the system makes</c>.</param>
/// <param name="Count">How many, at least 1.</param>
/// <param name="Examples">The names of the first few, in order; at most <see cref="MaxExamples"/>.</param>
public sealed record LeftOutImages(string Reason, long Count, IReadOnlyList<string> Examples)
{
    /// <summary>The most examples that are named: 5.</summary>
    public const int MaxExamples = 5;

    /// <summary>One line: how many, why, and the first examples.</summary>
    /// <returns>For example <c>2 left out: hidden files (._a.png, .b.png)</c>.</returns>
    public override string ToString() => $"{Count} left out: {Reason} ({string.Join(", ", Examples)}{(Count > Examples.Count ? ", ..." : string.Empty)})";
}
