namespace Diffusion.Data;

/// <summary>Files or samples that a source skipped for one reason.</summary>
/// <param name="Reason">
/// Why they were skipped, as a phrase that completes "skipped:", for example <c>hidden files and system files</c>.
/// </param>
/// <param name="Count">The number of files or samples, at least 1.</param>
/// <param name="Examples">The names of the first few; at most <see cref="MaxExamples"/>.</param>
public sealed record SkippedImages(string Reason, long Count, IReadOnlyList<string> Examples)
{
    /// <summary>The maximum number of examples: 5.</summary>
    public const int MaxExamples = 5;

    /// <summary>
    /// Whether nobody would expect to train on them, so that no warning is logged: hidden files and system files. Default false.
    /// </summary>
    public bool IsExpected { get; init; }

    /// <summary>The examples on one line, followed by three dots if there are more.</summary>
    internal string ExampleText => string.Join(", ", Examples.Select(OnOneLine)) + (Count > Examples.Count ? ", ..." : string.Empty);

    /// <summary>One line with the number, the reason and the examples.</summary>
    /// <returns>For example <c>2 skipped: hidden files and system files (._a.png, .b.png)</c>.</returns>
    public override string ToString() => $"{Count} skipped: {Reason} ({ExampleText})";

    // A name may hold a line break.
    private static string OnOneLine(string name) => string.Concat(name.Select(letter => char.IsControl(letter) ? '?' : letter));
}
