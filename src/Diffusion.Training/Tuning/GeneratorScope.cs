using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// Gives the process's CPU generator the state back that it had. Those of CUDA devices cannot be read, and stay seeded anew.
/// </summary>
internal sealed class GeneratorScope : IDisposable
{
    private readonly Tensor state = random.get_rng_state().DetachFromDisposeScope();

    public void Dispose()
    {
        // Held meanwhile, so that nobody who seeded it draws from the old state.
        using (GlobalGenerator.Hold(0))
        {
#pragma warning disable RS0030 // The state is the generator's own, and so of its size.
            random.set_rng_state(state);
#pragma warning restore RS0030
        }

        state.Dispose();
    }
}
