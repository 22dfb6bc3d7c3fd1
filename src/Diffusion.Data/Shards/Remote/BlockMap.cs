namespace Diffusion.Data;

/// <summary>Which blocks of a file are here, which are being fetched, and which are missing. For one thread at a time.</summary>
/// <param name="length">The bytes of the file.</param>
internal sealed class BlockMap(long length)
{
    /// <summary>The bytes of a block: 16 KiB. The last one may have fewer.</summary>
    public const int BlockBytes = 1 << 14;

    private readonly State[] blocks = new State[(length + BlockBytes - 1) / BlockBytes];
    private int here;
    private int lowest;

    private enum State : byte
    {
        Missing,
        Claimed,
        Here,
    }

    /// <summary>How many blocks there are.</summary>
    public int Count => blocks.Length;

    /// <summary>Whether every block is here.</summary>
    public bool IsComplete => here == blocks.Length;

    /// <summary>Where a block ends.</summary>
    public long EndOf(int block) => Math.Min(length, (block + 1L) * BlockBytes);

    /// <summary>The block that a byte lies in.</summary>
    public static int BlockOf(long offset) => (int)(offset / BlockBytes);

    /// <summary>Whether all of these blocks are here.</summary>
    public bool Has(int first, int last) => !blocks.AsSpan(first, last - first + 1).ContainsAnyExcept(State.Here);

    /// <summary>Claims the first run of missing blocks among some; false when none of them is missing.</summary>
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

    /// <summary>A block has come.</summary>
    public void Add(int block)
    {
        here += blocks[block] == State.Here ? 0 : 1;
        blocks[block] = State.Here;
    }

    /// <summary>Those blocks that were claimed and have not come are missing again.</summary>
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
