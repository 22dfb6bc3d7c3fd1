namespace Diffusion.Benchmarks;

/// <summary>The numbers of the inputs, handed out in pieces.</summary>
/// <param name="seed">The seed of all inputs.</param>
/// <param name="first">The first number.</param>
/// <param name="count">How many there are.</param>
internal sealed class FuzzNumbers(ulong seed, long first, long count)
{
    private const int Piece = 1024;

    private readonly long end = first + count;
    private long next = first;
    private volatile bool stopped;

    public ulong Seed => seed;

    /// <summary>The next piece; false when there is none.</summary>
    public bool TryTake(out long start, out long stop)
    {
        start = Interlocked.Add(ref next, Piece) - Piece;
        stop = Math.Min(start + Piece, end);
        return start < end && !stopped;
    }

    /// <summary>Hands out no more.</summary>
    public void Stop() => stopped = true;
}
