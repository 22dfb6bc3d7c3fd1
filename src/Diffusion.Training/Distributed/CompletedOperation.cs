namespace Diffusion.Training;

/// <summary>An operation that finished when it started.</summary>
internal sealed class CompletedOperation : IPendingOperation
{
    private CompletedOperation()
    {
    }

    /// <summary>The only one that is needed.</summary>
    public static CompletedOperation Instance { get; } = new();

    /// <inheritdoc/>
    public bool IsCompleted => true;

    /// <inheritdoc/>
    public void Wait()
    {
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
