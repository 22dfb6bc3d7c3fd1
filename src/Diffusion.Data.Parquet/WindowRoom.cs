namespace Diffusion.Data.Parquet;

/// <summary>
/// Computes the memory for the row groups of a shuffle window. <see cref="BlockOrder"/> reads the images of a window in random order, so
/// all of its row groups must be cached until its end, or they are read repeatedly. The results hold for every shuffle, because they assume
/// the row groups with the largest images.
/// </summary>
internal sealed class WindowRoom
{
    private const long MinCacheBytes = 1L << 30;
    private const int MemoryDivisor = 4;
    private const int HeldOut = 8; // one of so many images may be held out; held-out images do not count in the window

    private readonly (long Rows, long Bytes)[] densest;
    private readonly long ends; // a window may begin and end within a row group
    private readonly long all;
    private readonly long count;

    /// <summary>Creates it for all row groups of a set.</summary>
    public WindowRoom(IReadOnlyCollection<ParquetGroup> groups)
    {
        densest = [.. groups.Select(group => ((long)group.Rows, group.Bytes))
            .OrderByDescending(group => (double)group.Bytes / group.Item1)];
        ends = groups.Select(group => group.Bytes).OrderDescending().Take(2).Sum();
        all = groups.Sum(group => group.Bytes);
        count = groups.Sum(group => (long)group.Rows);
    }

    /// <summary>The maximum size of the row groups of a window, in bytes.</summary>
    public long BytesFor(long window)
    {
        long rows = window + (window / HeldOut);
        long bytes = ends;
        for (int i = 0; i < densest.Length && rows > 0; i++)
        {
            rows -= densest[i].Rows;
            bytes += densest[i].Bytes;
        }

        return Math.Min(bytes, all);
    }

    /// <summary>The largest window whose row groups fit in a number of bytes, at least 1.</summary>
    public long MaxWindow(long bytes)
    {
        if (bytes >= all)
        {
            return count;
        }

        long rows = 0;
        long left = bytes - ends;
        for (int i = 0; i < densest.Length && densest[i].Bytes <= left; i++)
        {
            rows += densest[i].Rows;
            left -= densest[i].Bytes;
        }

        return Math.Max(1, rows * HeldOut / (HeldOut + 1));
    }

    /// <summary>The default number of bytes to cache.</summary>
    /// <param name="memory">The memory available to the process, in bytes.</param>
    public long Default(long memory) => Math.Min(memory / MemoryDivisor, Math.Max(MinCacheBytes, BytesFor(BlockOrder.DefaultWindow)));
}
