namespace Diffusion.Training;

/// <summary>Something that is wrong with a run: what was seen, what it usually means, and what to change to what.</summary>
/// <param name="Kind">What it is about.</param>
/// <param name="Step">The optimizer steps made when it was seen.</param>
/// <param name="Seen">What was seen, with its numbers.</param>
/// <param name="Meaning">What it usually means.</param>
/// <param name="Remedy">What to change, and to what value.</param>
public sealed record HealthFinding(FindingKind Kind, long Step, string Seen, string Meaning, string Remedy)
{
    /// <summary>The numbers behind it, by name.</summary>
    public IReadOnlyDictionary<string, double> Figures { get; init; } = new Dictionary<string, double>(StringComparer.Ordinal);

    /// <summary>Of a divergence: the step up to which the weights are not yet spoilt.</summary>
    internal long LastGoodStep { get; init; }

    /// <inheritdoc/>
    public override string ToString() => $"{Kind} at step {Step}: {Seen} {Meaning} {Remedy}";
}
