namespace Diffusion.Training;

/// <summary>How long a run is usual for a set of images.</summary>
internal sealed record SuggestedSteps
{
    /// <summary>Optimizer steps at the batch that was asked for, to two digits.</summary>
    public required long Steps { get; init; }

    /// <summary>
    /// The time that the same rule of thumb names for one V100 and a usual network; for an idea, not of this machine. Null beyond its ends:
    /// fewer than 10,000 images or more than a million, smaller than 64 x 64 or larger than 256 x 256.
    /// </summary>
    public required TimeSpan? OneV100 { get; init; }

    /// <summary>Where the number comes from, in one sentence.</summary>
    public required string Reason { get; init; }
}
