namespace Diffusion.Data;

/// <summary>The order of the images that are trained on: shuffled by groups where they lie in groups, else altogether.</summary>
internal sealed class TrainingOrder : ISampleOrder
{
    private readonly HeldOutSplit split;
    private readonly ISampleOrder order;

    /// <param name="groups">
    /// The sizes of the groups that the images lie in, held-out ones included, which add up to the split's; none where they lie in no
    /// groups.
    /// </param>
    /// <param name="split">Which images are held out.</param>
    /// <param name="seeds">The stream of the run.</param>
    /// <param name="loading">The window of the shuffle, and whether epochs end with whole batches.</param>
    /// <param name="batchSize">The size of these batches.</param>
    public TrainingOrder(IReadOnlyList<long> groups, HeldOutSplit split, SeedStream seeds, LoadingOptions loading, int batchSize)
    {
        this.split = split;
        long multiple = loading.DropLast ? batchSize : 1;
        order = groups.Count > 0
            ? new BlockOrder(seeds, TrainingSizes(groups, split), loading.ShuffleWindow, multiple)
            : new SampleOrder(seeds, split.TrainingCount, multiple);
    }

    public long EpochLength => order.EpochLength;

    public long IndexAt(long position) => split.TrainingIndexAt(order.IndexAt(position));

    private static long[] TrainingSizes(IReadOnlyList<long> groups, HeldOutSplit split)
    {
        long[] sizes = new long[groups.Count];
        long end = 0;
        long trainedBefore = 0;
        for (int group = 0; group < sizes.Length; group++)
        {
            end += groups[group];
            long trained = split.TrainingCountBefore(end);
            sizes[group] = trained - trainedBefore;
            trainedBefore = trained;
        }

        return sizes;
    }
}
