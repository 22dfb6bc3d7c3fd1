namespace Diffusion.Training;

/// <summary>
/// The part of the trained parameters that one of several processes updates and averages: equal, contiguous ranges in the order of the
/// ranks, which begin at multiples of <see cref="FlatLayout.Alignment"/>. The last ones may be shorter or empty.
/// </summary>
/// <param name="Trained">The number of trained elements of the flat buffers.</param>
/// <param name="Rank">The number of this process.</param>
/// <param name="World">The number of processes.</param>
internal sealed record FlatShard(long Trained, int Rank, int World)
{
    /// <summary>The number of elements of a full part.</summary>
    public long Length => FlatLayout.Aligned((Trained + World - 1) / World);

    /// <summary>The number of elements of as many full parts as there are processes; at least <see cref="Trained"/>.</summary>
    public long Padded => World * Length;

    /// <summary>The first element of this part.</summary>
    public long From => FromOf(Rank);

    /// <summary>The end of this part, exclusive.</summary>
    public long To => FromOf(Rank + 1);

    /// <summary>The first element of the part of a process; of the one after the last, the end.</summary>
    public long FromOf(int rank) => Math.Min(rank * Length, Trained);
}
