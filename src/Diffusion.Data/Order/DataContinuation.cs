namespace Diffusion.Data;

/// <summary>How a run goes on through its images.</summary>
/// <param name="Extents">How many there are from when on.</param>
/// <param name="Change">What is different from before, in words, or null.</param>
/// <param name="Refusal">Why it cannot go on with them, or null.</param>
internal sealed record DataContinuation(IReadOnlyList<DataExtent> Extents, string? Change, string? Refusal)
{
    /// <summary>Whether images that it had are no longer there, or are others.</summary>
    public bool IsOther { get; init; }
}
