namespace Diffusion.Training;

/// <summary>
/// Short runs from the same weights over the same images, times and noise, each at another rate that a sweep suggests. A sweep passes
/// through every rate in one step; a run stays at it, which is what decides whether training breaks there.
/// </summary>
/// <param name="Candidates">The rates in ascending order, with their losses.</param>
/// <param name="Steps">The optimizer steps of each, of which the first tenth is a linear warm-up.</param>
/// <param name="Elapsed">The time of all of them.</param>
public sealed record LrConfirmation(IReadOnlyList<LrCandidate> Candidates, int Steps, TimeSpan Elapsed)
{
    /// <summary>The candidate with the lowest loss; null if training broke at all of them.</summary>
    public LrCandidate? Best => Candidates.Where(candidate => double.IsFinite(candidate.Loss)).MinBy(candidate => candidate.Loss);
}
