namespace Diffusion.Data;

/// <summary>
/// The order for a set that was extended during the run. Each extension takes effect at the start of an epoch and does not change earlier
/// epochs.
/// </summary>
/// <param name="segments">
/// The order of each segment of the run, and the position where it begins: 0 for the first, the end of an epoch of the previous segment for
/// the others.
/// </param>
internal sealed class ExtendedOrder(IReadOnlyList<(long Position, ISampleOrder Order)> segments) : ISampleOrder
{
    /// <summary>The length of the first epoch.</summary>
    public long EpochLength => segments[0].Order.EpochLength;

    public long IndexAt(long position)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        long epochs = 0;
        int segment = 0;
        for (; segment + 1 < segments.Count && segments[segment + 1].Position <= position; segment++)
        {
            epochs += EpochsBetween(segments[segment].Order, segments[segment].Position, segments[segment + 1].Position);
        }

        ISampleOrder order = segments[segment].Order;
        return order.IndexAt((epochs * order.EpochLength) + position - segments[segment].Position);
    }

    /// <summary>The number of epochs that begin between two positions, the first of which is the start of an epoch.</summary>
    public static long EpochsBetween(ISampleOrder order, long begin, long end) => (end - begin + order.EpochLength - 1) / order.EpochLength;
}
