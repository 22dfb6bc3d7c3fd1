namespace Diffusion;

/// <summary>
/// Guards the weights of networks: many threads may read them at a time, or one may write them. The owner of the weights disposes the lock
/// before it frees them, which waits for the calls in flight and refuses later ones.
/// </summary>
/// <param name="owner">The name of the object that frees the weights.</param>
/// <param name="remedy">What a refused caller can do.</param>
internal sealed class WeightLock(string owner, string remedy) : IDisposable
{
#pragma warning disable CA2213 // A disposed lock would refuse late callers under its own name; it holds nothing but memory.
    private readonly ReaderWriterLockSlim gate = new(LockRecursionPolicy.SupportsRecursion);
#pragma warning restore CA2213
    private bool isClosed;

    /// <summary>Why there are no weights to read now; null, the default, if there are. A writer sets it.</summary>
    public string? Absence { get; set; }

    /// <summary>Waits until nobody writes.</summary>
    /// <returns>Dispose it on the same thread to let writers in.</returns>
    /// <exception cref="ObjectDisposedException">The lock was disposed.</exception>
    /// <exception cref="InvalidOperationException">There are no weights now.</exception>
    public Pass Read()
    {
        gate.EnterReadLock();
        Pass pass = Admit(new Pass(gate, writes: false));
        if (Absence is { } reason)
        {
            pass.Dispose();
            throw new InvalidOperationException(reason);
        }

        return pass;
    }

    /// <summary>Waits until nobody reads or writes.</summary>
    /// <returns>Dispose it on the same thread to let others in.</returns>
    /// <exception cref="ObjectDisposedException">The lock was disposed.</exception>
    public Pass Write()
    {
        gate.EnterWriteLock();
        return Admit(new Pass(gate, writes: true));
    }

    /// <summary>Waits until nobody reads or writes, and refuses later calls.</summary>
    public void Dispose()
    {
        gate.EnterWriteLock();
        isClosed = true;
        gate.ExitWriteLock();
    }

    private Pass Admit(Pass pass)
    {
        if (isClosed)
        {
            pass.Dispose();
            throw new ObjectDisposedException(owner, $"The {owner} that these weights belong to was disposed. {remedy}");
        }

        return pass;
    }

    /// <summary>Permission to read or write; the default value guards nothing.</summary>
    internal readonly ref struct Pass(ReaderWriterLockSlim? gate, bool writes)
    {
        /// <summary>Releases the lock.</summary>
        public void Dispose()
        {
            if (writes)
            {
                gate?.ExitWriteLock();
            }
            else
            {
                gate?.ExitReadLock();
            }
        }
    }
}
