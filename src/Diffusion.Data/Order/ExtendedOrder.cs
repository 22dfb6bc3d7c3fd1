namespace Diffusion.Data;

/// <summary>An order over a set that was extended during the run, each time from an epoch on: what came before stays as it was.</summary>
/// <param name="stretches">
/// The order of each stretch of the run, and the position where it begins; the first at 0, each at the end of an epoch of the one before.
/// </param>
internal sealed class ExtendedOrder(IReadOnlyList<(long Position, ISampleOrder Order)> stretches) : ISampleOrder
{
    /// <summary>The positions of the first epoch.</summary>
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

    /// <summary>How many epochs begin between two positions, the first of which is where one begins.</summary>
    public static long EpochsBetween(ISampleOrder order, long begin, long end) => (end - begin + order.EpochLength - 1) / order.EpochLength;
}
