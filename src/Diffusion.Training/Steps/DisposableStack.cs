namespace Diffusion.Training;

/// <summary>The objects that an owner has created, disposed in reverse order, even if the constructor of the owner fails halfway.</summary>
internal sealed class DisposableStack : IDisposable
{
    private readonly Stack<IDisposable> items = new();

    /// <summary>Takes ownership of an object.</summary>
    /// <returns>The same object.</returns>
    public T Add<T>(T item)
        where T : IDisposable
    {
        items.Push(item);
        return item;
    }

    public void Dispose()
    {
        while (items.TryPop(out IDisposable? item))
        {
            item.Dispose();
        }
    }
}
