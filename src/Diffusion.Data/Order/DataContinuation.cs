namespace Diffusion.Data;

/// <summary>How a resumed run continues through its images.</summary>
/// <param name="Extents">The number of images from each epoch on.</param>
/// <param name="Change">What has changed, as a sentence; null when nothing has.</param>
/// <param name="Refusal">Why the run cannot continue; null when it can.</param>
internal sealed record DataContinuation(IReadOnlyList<DataExtent> Extents, string? Change, string? Refusal)
{
    /// <summary>Whether images of the run are missing or have been replaced.</summary>
    public bool HasReplacedImages { get; init; }
}
