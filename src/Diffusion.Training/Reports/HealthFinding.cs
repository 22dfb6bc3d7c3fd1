namespace Diffusion.Training;

/// <summary>A problem in a run: what was observed, what it usually means, and what to change.</summary>
/// <param name="Kind">The kind of problem.</param>
/// <param name="Step">The number of optimizer steps taken when it was observed.</param>
/// <param name="Seen">What was observed, with its numbers.</param>
/// <param name="Meaning">What it usually means.</param>
/// <param name="Remedy">What to change, and to what value.</param>
public sealed record HealthFinding(FindingKind Kind, long Step, string Seen, string Meaning, string Remedy)
{
    /// <summary>The underlying numbers, by name.</summary>
    public IReadOnlyDictionary<string, double> Figures { get; init; } = new Dictionary<string, double>(StringComparer.Ordinal);

    /// <summary>For a divergence: the last step whose weights are still good.</summary>
    internal long LastGoodStep { get; init; }

    /// <inheritdoc/>
    public override string ToString() => $"{Kind} at step {Step}: {Seen} {Meaning} {Remedy}";
}
