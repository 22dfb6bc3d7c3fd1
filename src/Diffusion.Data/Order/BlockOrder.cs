namespace Diffusion.Data;

/// <summary>
/// An order for images that lie in groups (shards, row groups) which are read fastest one after the other: each epoch shuffles the groups,
/// lays their images end to end, and shuffles within windows of that line. Every image comes once. A pure function of the seed and the
/// position: where a streaming loader carries a shuffle buffer, nothing is carried here.
/// </summary>
internal sealed class BlockOrder : ISampleOrder
{
    /// <summary>How many images are shuffled among each other by default: 16,384.</summary>
    public const int DefaultWindow = 16_384;

    private readonly SeedStream seeds;
    private readonly long[] starts;
    private readonly long count;
    private readonly int window;
    private volatile Epoch? newest;
    private volatile Epoch? older;

    /// <summary>The order over groups.</summary>
    /// <param name="seeds">The stream of the run.</param>
    /// <param name="groupSizes">How many images each group has, in the order of the source; 0 or more, in all 1 to 10^12.</param>
    /// <param name="window">
    /// How many images are shuffled among each other, at least 1. Larger mixes better and touches more groups at once; several times the
    /// size of a group is good. Default 16,384.
    /// </param>
    /// <param name="multiple">As in <see cref="SampleOrder"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size, the window or the multiple is outside its range.</exception>
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

        // Along the shuffled groups.
        int turn = Array.BinarySearch(epoch.Ends, line + 1);
        turn = turn < 0 ? ~turn : turn;
        int group = epoch.Groups[turn];
        long before = epoch.Ends[turn] - (starts[group + 1] - starts[group]);
        return starts[group] + (line - before);
    }

    // Threads that read ahead stand in at most two epochs at a time; one that is asked for anew is computed anew, to the same numbers.
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

    /// <summary>The groups of one epoch in their order, and where each ends on the line.</summary>
    private sealed record Epoch(long Number, SeedStream Seeds, int[] Groups, long[] Ends);
}
