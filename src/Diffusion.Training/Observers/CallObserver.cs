namespace Diffusion.Training;

/// <summary>An observer that is one call. Unlike <see cref="Progress{T}"/> it calls at once, on the thread that reports.</summary>
internal sealed class CallObserver<T>(Action<T> call) : IProgress<T>
{
    public void Report(T value) => call(value);
}
