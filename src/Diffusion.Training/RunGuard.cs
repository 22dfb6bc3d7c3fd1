namespace Diffusion.Training;

/// <summary>Whether a trainer is idle, running or disposed. Safe from several threads.</summary>
internal sealed class RunGuard
{
    private const int Idle = 0;
    private const int Running = 1;
    private const int Disposed = 2;

    private int state;

    /// <summary>Begins a run.</summary>
    /// <exception cref="InvalidOperationException">There is one already.</exception>
    /// <exception cref="ObjectDisposedException">It has ended.</exception>
    public void Enter()
    {
        int was = Interlocked.CompareExchange(ref state, Running, Idle);
        ObjectDisposedException.ThrowIf(was == Disposed, typeof(Trainer));
        if (was == Running)
        {
            throw new InvalidOperationException("This trainer is running already. Wait for its end, or make another with a model of its own.");
        }
    }

    /// <summary>Ends a run.</summary>
    public void Leave() => Volatile.Write(ref state, Idle);

    /// <summary>Ends all runs; false when that was done before.</summary>
    /// <exception cref="InvalidOperationException">There is a run, which goes on.</exception>
    public bool TryEnd()
    {
        int was = Interlocked.CompareExchange(ref state, Disposed, Idle);
        return was == Running
            ? throw new InvalidOperationException("This trainer is running. Cancel its token and await it before disposing.")
            : was == Idle;
    }
}
