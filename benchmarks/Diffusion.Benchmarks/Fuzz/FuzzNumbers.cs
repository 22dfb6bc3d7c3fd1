namespace Diffusion.Benchmarks;

/// <summary>The numbers of the inputs, handed out in blocks.</summary>
/// <param name="seed">The seed of all inputs.</param>
/// <param name="first">The first number.</param>
/// <param name="count">The number of inputs.</param>
internal sealed class FuzzNumbers(ulong seed, long first, long count)
{
    private const int Piece = 1024;

    private readonly long end = first + count;
    private long next = first;
    private volatile bool stopped;

    public ulong Seed => seed;

    /// <summary>The next block; false when there is none.</summary>
    public bool TryTake(out long start, out long stop)
    {
        start = Interlocked.Add(ref next, Piece) - Piece;
        stop = Math.Min(start + Piece, end);
        return start < end && !stopped;
    }

    /// <summary>Stops handing out numbers.</summary>
    public void Stop() => stopped = true;
}
