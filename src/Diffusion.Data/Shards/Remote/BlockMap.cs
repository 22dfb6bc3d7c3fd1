namespace Diffusion.Data;

/// <summary>Tracks which blocks of a file have arrived, are being fetched, or are missing. Not thread-safe.</summary>
/// <param name="length">The size of the file, in bytes.</param>
internal sealed class BlockMap(long length)
{
    /// <summary>The size of a block: 16 KiB. The last block may be smaller.</summary>
    public const int BlockBytes = 1 << 14;

    private readonly State[] blocks = new State[(length + BlockBytes - 1) / BlockBytes];
    private int arrived;
    private int lowest;

    private enum State : byte
    {
        Missing,
        Claimed,
        Arrived,
    }

    /// <summary>The number of blocks.</summary>
    public int Count => blocks.Length;

    /// <summary>Whether every block has arrived.</summary>
    public bool IsComplete => arrived == blocks.Length;

    /// <summary>Where a block ends.</summary>
    public long EndOf(int block) => Math.Min(length, (block + 1L) * BlockBytes);

    /// <summary>The block that contains a byte.</summary>
    public static int BlockOf(long offset) => (int)(offset / BlockBytes);

    /// <summary>Whether all of these blocks have arrived.</summary>
    public bool Has(int first, int last) => !blocks.AsSpan(first, last - first + 1).ContainsAnyExcept(State.Arrived);

    /// <summary>Claims the first run of missing blocks in a range; false when none is missing.</summary>
    public bool TryClaim(int first, int last, int max, out int start, out int count)
    {
        start = Math.Max(first, lowest);
        count = 0;
        while (start <= last && blocks[start] != State.Missing)
        {
            lowest = start == lowest ? lowest + 1 : lowest;
            start++;
        }

        while (start + count <= last && count < max && blocks[start + count] == State.Missing)
        {
            blocks[start + count] = State.Claimed;
            count++;
        }

        return count > 0;
    }

    /// <summary>Records that a block has arrived.</summary>
    public void Add(int block)
    {
        arrived += blocks[block] == State.Arrived ? 0 : 1;
        blocks[block] = State.Arrived;
    }

    /// <summary>Makes claimed blocks that have not arrived missing again.</summary>
    public void Release(int start, int count)
    {
        for (int block = start; block < start + count; block++)
        {
            if (blocks[block] == State.Claimed)
            {
                blocks[block] = State.Missing;
                lowest = Math.Min(lowest, block);
            }
        }
    }
}
