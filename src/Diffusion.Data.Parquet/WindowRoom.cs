namespace Diffusion.Data.Parquet;

/// <summary>
/// How much memory the row groups of a shuffle window take. <see cref="BlockOrder"/> reads the images of a window in any order, so all of
/// its row groups must stay until its end, or they are read again and again. What is said holds for every shuffle: it counts with the row
/// groups whose images are largest.
/// </summary>
internal sealed class WindowRoom
{
    private const long Least = 1L << 30;
    private const int ShareOfMemory = 4;
    private const int HeldOut = 8; // one image of so many may be held out, and is not counted by the window

    private readonly (long Rows, long Bytes)[] densest;
    private readonly long ends; // a window begins and ends within a row group
    private readonly long all;
    private readonly long count;

    /// <summary>Over all row groups of a set.</summary>
    public WindowRoom(IReadOnlyCollection<ParquetGroup> groups)
    {
        densest = [.. groups.Select(group => ((long)group.Rows, group.Bytes))
            .OrderByDescending(group => (double)group.Bytes / group.Item1)];
        ends = groups.Select(group => group.Bytes).OrderDescending().Take(2).Sum();
        all = groups.Sum(group => group.Bytes);
        count = groups.Sum(group => (long)group.Rows);
    }

    /// <summary>How many bytes the row groups of a window take at most.</summary>
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

    /// <summary>The largest window that so many bytes hold, at least 1.</summary>
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

    /// <summary>The bytes to keep where nothing else is asked for.</summary>
    /// <param name="memory">How many bytes the process may use.</param>
    public long Default(long memory) => Math.Min(memory / ShareOfMemory, Math.Max(Least, BytesFor(BlockOrder.DefaultWindow)));
}
