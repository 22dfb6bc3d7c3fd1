namespace Diffusion.Data;

/// <summary>Files or samples that a source left out for one reason.</summary>
/// <param name="Reason">Why, as a phrase that completes "left out:", for example <c>folders that the system makes</c>.</param>
/// <param name="Count">How many, at least 1.</param>
/// <param name="Examples">The names of the first few, in order; at most <see cref="MaxExamples"/>.</param>
public sealed record SkippedImages(string Reason, long Count, IReadOnlyList<string> Examples)
{
    /// <summary>The most examples that are named: 5.</summary>
    public const int MaxExamples = 5;

    /// <summary>
    /// Whether nobody would train on them, so that no warning is due: hidden files, and files and folders that the system makes. Default
    /// false.
    /// </summary>
    public bool IsExpected { get; init; }

    /// <summary>The examples on one line, and three dots where there are more.</summary>
    internal string ExampleText => string.Join(", ", Examples.Select(OnOneLine)) + (Count > Examples.Count ? ", ..." : string.Empty);

    /// <summary>One line: how many, why, and the first examples.</summary>
    /// <returns>For example <c>2 left out: hidden files (._a.png, .b.png)</c>.</returns>
    public override string ToString() => $"{Count} left out: {Reason} ({ExampleText})";

    // A name may hold a line break.
    private static string OnOneLine(string name) => string.Concat(name.Select(letter => char.IsControl(letter) ? '?' : letter));
}
