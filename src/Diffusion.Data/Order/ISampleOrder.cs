namespace Diffusion.Data;

/// <summary>
/// The order of the training images over all epochs: a pure function of the position, the same in every process, so that a run can resume
/// at any position. Thread-safe.
/// </summary>
internal interface ISampleOrder
{
    /// <summary>The number of positions in an epoch.</summary>
    long EpochLength { get; }

    /// <summary>The image at a position.</summary>
    /// <param name="position">The position in the run, from 0 over all epochs.</param>
    /// <returns>The index in the source.</returns>
    long IndexAt(long position);
}
