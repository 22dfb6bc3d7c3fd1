namespace Diffusion.Data;

/// <summary>
/// The order for a set that was extended during the run. Each extension takes effect at the start of an epoch and does not change earlier
/// epochs.
/// </summary>
/// <param name="stretches">
/// The order of each segment of the run, and the position where it begins: 0 for the first, the end of an epoch of the previous segment for
/// the others.
/// </param>
internal sealed class ExtendedOrder(IReadOnlyList<(long Position, ISampleOrder Order)> stretches) : ISampleOrder
{
    /// <summary>The length of the first epoch.</summary>
    public long EpochLength => stretches[0].Order.EpochLength;

    public long IndexAt(long position)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        long epochs = 0;
        int stretch = 0;
        for (; stretch + 1 < stretches.Count && stretches[stretch + 1].Position <= position; stretch++)
        {
            epochs += EpochsBetween(stretches[stretch].Order, stretches[stretch].Position, stretches[stretch + 1].Position);
        }

        ISampleOrder order = stretches[stretch].Order;
        return order.IndexAt((epochs * order.EpochLength) + position - stretches[stretch].Position);
    }

    /// <summary>The number of epochs that begin between two positions, the first of which is the start of an epoch.</summary>
    public static long EpochsBetween(ISampleOrder order, long begin, long end) => (end - begin + order.EpochLength - 1) / order.EpochLength;
}
