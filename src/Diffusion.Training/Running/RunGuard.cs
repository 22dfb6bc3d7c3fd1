namespace Diffusion.Training;

/// <summary>The state of a trainer: idle, running, held by a swap of weights, or disposed. Thread-safe.</summary>
internal sealed class RunGuard
{
    private const int Idle = 0;
    private const int Running = 1;
    private const int Disposed = 2;
    private const int Held = 3;

    private const string SwappedIn = "Averaged weights are swapped in. Dispose the scope that Swap() returned first.";

    private int state;

    /// <summary>Starts a run.</summary>
    /// <exception cref="InvalidOperationException">The trainer is already running, or averaged weights are swapped in.</exception>
    /// <exception cref="ObjectDisposedException">The trainer is disposed.</exception>
    public void Enter() =>
        Take(Running, "This trainer is already running. Wait until it ends, or create another trainer with its own model.");

    /// <summary>Prevents runs from starting, and the trainer from being disposed.</summary>
    /// <returns>A scope that ends the hold when disposed.</returns>
    /// <exception cref="InvalidOperationException">The trainer is running, or averaged weights are swapped in.</exception>
    /// <exception cref="ObjectDisposedException">The trainer is disposed.</exception>
    public IDisposable Hold()
    {
        Take(Held, "This trainer is running, so its weights cannot be swapped. Sample its EmaDenoiser, or call SnapshotEma().");
        return new Holding(this);
    }

    /// <summary>Ends a run.</summary>
    public void Leave() => Volatile.Write(ref state, Idle);

    /// <summary>Disposes the trainer; returns false if it is already disposed.</summary>
    /// <exception cref="InvalidOperationException">
    /// The trainer is running, and continues to run, or averaged weights are swapped in.
    /// </exception>
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
            throw new ObjectDisposedException("Trainer", "This trainer is disposed.");
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
