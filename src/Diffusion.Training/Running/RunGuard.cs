namespace Diffusion.Training;

/// <summary>Whether a trainer is idle, running, held by a swap of weights, or disposed. Safe from several threads.</summary>
internal sealed class RunGuard
{
    private const int Idle = 0;
    private const int Running = 1;
    private const int Disposed = 2;
    private const int Held = 3;

    private const string SwappedIn = "Averaged weights are swapped in. Dispose the scope that Swap() returned first.";

    private int state;

    /// <summary>Begins a run.</summary>
    /// <exception cref="InvalidOperationException">There is one already, or averaged weights are swapped in.</exception>
    /// <exception cref="ObjectDisposedException">It has ended.</exception>
    public void Enter() =>
        Take(Running, "This trainer is running already. Wait for its end, or make another with a model of its own.");

    /// <summary>Keeps runs from beginning, and the trainer from being disposed.</summary>
    /// <returns>Dispose it to end that.</returns>
    /// <exception cref="InvalidOperationException">There is a run, or averaged weights are swapped in.</exception>
    /// <exception cref="ObjectDisposedException">It has ended.</exception>
    public IDisposable Hold()
    {
        Take(Held, "This trainer is running, so that its weights cannot be exchanged. Sample its EmaDenoiser, or take SnapshotEma().");
        return new Holding(this);
    }

    /// <summary>Ends a run.</summary>
    public void Leave() => Volatile.Write(ref state, Idle);

    /// <summary>Ends all runs; false when that was done before.</summary>
    /// <exception cref="InvalidOperationException">There is a run, which continues, or averaged weights are swapped in.</exception>
    public bool TryEnd() => Interlocked.CompareExchange(ref state, Disposed, Idle) switch
    {
        Running => throw new InvalidOperationException("This trainer is running. Cancel its token and await it before disposing."),
        Held => throw new InvalidOperationException(SwappedIn),
        int was => was == Idle,
    };

    private void Take(int next, string running)
    {
        int was = Interlocked.CompareExchange(ref state, next, Idle);
        if (was == Disposed)
        {
            throw new ObjectDisposedException("Trainer", "This trainer was disposed.");
        }

        if (was != Idle)
        {
            throw new InvalidOperationException(was == Running ? running : SwappedIn);
        }
    }

    private sealed class Holding(RunGuard guard) : IDisposable
    {
        public void Dispose() => guard.Leave();
    }
}
