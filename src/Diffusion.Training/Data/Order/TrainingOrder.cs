namespace Diffusion.Training;

/// <summary>The order of a source's images that are trained on: shuffled by groups where the source has them, else altogether.</summary>
internal sealed class TrainingOrder : ISampleOrder
{
    private readonly HeldOutSplit split;
    private readonly ISampleOrder order;

    public TrainingOrder(IImageSource source, HeldOutSplit split, SeedStream seeds, LoadingOptions loading, int batchSize)
    {
        this.split = split;
        long multiple = loading.DropLast ? batchSize : 1;
        order = source.GroupSizes is { } groups
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

        return end == split.TrainingCount + split.HeldOutCount
            ? sizes
            : throw new ArgumentException($"The groups of the source hold {end} images, but its Count is {split.TrainingCount + split.HeldOutCount}. GroupSizes must add up to it.");
    }
}
