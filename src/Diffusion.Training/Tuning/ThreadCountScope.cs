using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>Gives the process the number of CPU threads back that it had.</summary>
internal sealed class ThreadCountScope : IDisposable
{
    private readonly int threads = get_num_threads();

    public void Dispose() => set_num_threads(threads);
}
