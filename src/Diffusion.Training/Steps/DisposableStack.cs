namespace Diffusion.Training;

/// <summary>What an object has made and must free, the newest first; also when its making fails halfway.</summary>
internal sealed class DisposableStack : IDisposable
{
    private readonly Stack<IDisposable> made = new();

    /// <summary>Takes a thing over.</summary>
    /// <returns>The same thing.</returns>
    public T Add<T>(T thing)
        where T : IDisposable
    {
        made.Push(thing);
        return thing;
    }

    public void Dispose()
    {
        while (made.TryPop(out IDisposable? thing))
        {
            thing.Dispose();
        }
    }
}
