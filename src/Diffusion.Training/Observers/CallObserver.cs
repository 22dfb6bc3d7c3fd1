namespace Diffusion.Training;

/// <summary>
/// An observer that invokes a callback. Unlike <see cref="Progress{T}"/>, it invokes the callback at once, on the reporting thread.
/// </summary>
internal sealed class CallObserver<T>(Action<T> call) : IProgress<T>
{
    public void Report(T value) => call(value);
}
