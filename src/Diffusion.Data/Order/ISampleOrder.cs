namespace Diffusion.Data;

/// <summary>
/// The order in which training reads its images, over all epochs: a pure function of the position, the same in every process, so that a run
/// resumes at any position at once. Safe from several threads.
/// </summary>
internal interface ISampleOrder
{
    /// <summary>How many positions an epoch has.</summary>
    long EpochLength { get; }

    /// <summary>Which image is read at a position.</summary>
    /// <param name="position">A sample's place in the whole run, from 0 and over all epochs.</param>
    /// <returns>Its index in the source.</returns>
    long IndexAt(long position);
}
