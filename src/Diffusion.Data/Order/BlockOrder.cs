namespace Diffusion.Data;

/// <summary>
/// The order for images in groups (shards, row groups) that are read fastest one after the other: each epoch shuffles the groups,
/// concatenates their images, and shuffles within windows of that sequence. Every image comes once per epoch. A pure function of the seed
/// and the position, without the state of a shuffle buffer.
/// </summary>
internal sealed class BlockOrder : ISampleOrder
{
    /// <summary>The default number of images that are shuffled among each other: 16,384.</summary>
    public const int DefaultWindow = 16_384;

    private readonly SeedStream seeds;
    private readonly long[] starts;
    private readonly long count;
    private readonly int window;
    private volatile Epoch? newest;
    private volatile Epoch? older;

    /// <summary>Creates the order.</summary>
    /// <param name="seeds">The seed stream of the run.</param>
    /// <param name="groupSizes">
    /// The number of images in each group, in the order of the source; at least 0 each, 1 to 10^12 in total.
    /// </param>
    /// <param name="window">
    /// The number of images that are shuffled among each other, at least 1. A larger window mixes better and uses more groups at the same
    /// time; several times the size of a group is good. Default 16,384.
    /// </param>
    /// <param name="multiple">See <see cref="SampleOrder"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size, the window or the multiple is out of range.</exception>
    public BlockOrder(SeedStream seeds, IReadOnlyList<long> groupSizes, int window = DefaultWindow, long multiple = 1)
    {
        ArgumentNullException.ThrowIfNull(groupSizes);
        ArgumentOutOfRangeException.ThrowIfLessThan(window, 1);
        this.seeds = seeds;
        this.window = window;
        starts = new long[groupSizes.Count + 1];
        for (int group = 0; group < groupSizes.Count; group++)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(groupSizes[group], nameof(groupSizes));
            starts[group + 1] = starts[group] + groupSizes[group];
            ArgumentOutOfRangeException.ThrowIfGreaterThan(starts[group + 1], SampleOrder.MaxCount, nameof(groupSizes));
        }

        count = starts[^1];
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1, nameof(groupSizes));
        EpochLength = SampleOrder.EpochLengthOf(count, multiple);
    }

    /// <inheritdoc/>
    public long EpochLength { get; }

    /// <inheritdoc/>
    public long IndexAt(long position)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        (long number, long place) = Math.DivRem(position, EpochLength);
        Epoch epoch = EpochOf(number);

        // Within its window.
        long first = place / window * window;
        KeyedPermutation shuffle = new(
            epoch.Seeds.Child(RandomPurpose.DataOrder, 1 + first), RandomPurpose.DataOrder, Math.Min(window, count - first));
        long line = first + shuffle.IndexAt(place - first);

        // Within the shuffled groups.
        int turn = Array.BinarySearch(epoch.Ends, line + 1);
        turn = turn < 0 ? ~turn : turn;
        int group = epoch.Groups[turn];
        long before = epoch.Ends[turn] - (starts[group + 1] - starts[group]);
        return starts[group] + (line - before);
    }

    // Prefetching threads use at most two epochs at a time; any other epoch is recomputed, with the same result.
    private Epoch EpochOf(long number)
    {
        Epoch? epoch = newest;
        if (epoch?.Number == number)
        {
            return epoch;
        }

        epoch = older;
        if (epoch?.Number == number)
        {
            return epoch;
        }

        epoch = Shuffle(number);
        older = newest;
        newest = epoch;
        return epoch;
    }

    private Epoch Shuffle(long number)
    {
        SeedStream epochSeeds = seeds.Child(RandomPurpose.DataOrder, number);
        int[] filled = [.. Enumerable.Range(0, starts.Length - 1).Where(group => starts[group + 1] > starts[group])];
        KeyedPermutation shuffle = new(epochSeeds.Child(RandomPurpose.DataOrder, 0), RandomPurpose.DataOrder, filled.Length);
        int[] groups = new int[filled.Length];
        long[] ends = new long[filled.Length];
        long end = 0;
        for (int turn = 0; turn < groups.Length; turn++)
        {
            groups[turn] = filled[shuffle.IndexAt(turn)];
            end += starts[groups[turn] + 1] - starts[groups[turn]];
            ends[turn] = end;
        }

        return new Epoch(number, epochSeeds, groups, ends);
    }

    /// <summary>The shuffled groups of one epoch, and where each ends in the sequence.</summary>
    private sealed record Epoch(long Number, SeedStream Seeds, int[] Groups, long[] Ends);
}
