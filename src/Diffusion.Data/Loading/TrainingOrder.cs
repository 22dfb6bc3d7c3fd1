namespace Diffusion.Data;

/// <summary>The order of the training images: shuffled by groups if the images are in groups, otherwise as a whole.</summary>
internal sealed class TrainingOrder : ISampleOrder
{
    private readonly HeldOutSplit split;
    private readonly ISampleOrder order;

    /// <param name="groups">
    /// The sizes of the groups, including held-out images, which add up to the size of the split; empty without groups.
    /// </param>
    /// <param name="split">The held-out images.</param>
    /// <param name="seeds">The seed stream of the run.</param>
    /// <param name="loading">The shuffle window, and whether epochs end with full batches.</param>
    /// <param name="batchSize">The number of images in a batch.</param>
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
