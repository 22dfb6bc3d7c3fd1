using TorchSharp;

namespace Diffusion;

/// <summary>
/// The process's global generator, used by PyTorch's weight initialization and dropout. Code that draws from it seeds it and holds it
/// meanwhile, so that no other thread takes numbers out of the sequence.
/// </summary>
/// <example><c>using (GlobalGenerator.Hold(seed)) { ... }</c></example>
public static class GlobalGenerator
{
    private static readonly Lock Gate = new();

    /// <summary>Waits until no other thread holds the generator, and seeds it, on the CPU and on every CUDA device.</summary>
    /// <param name="seed">Any number; the same one gives the same sequence.</param>
    /// <returns>
    /// Dispose it on the same thread to release the generator. Holding it again meanwhile on the same thread reseeds it.
    /// </returns>
    public static Lock.Scope Hold(long seed)
    {
        TorchBackend.EnsureLoaded();
        Lock.Scope scope = Gate.EnterScope();
        try
        {
            using torch.Generator seeded = torch.manual_seed(seed);
            if (torch.cuda.is_available())
            {
                torch.cuda.manual_seed_all(seed);
            }
        }
        catch
        {
            scope.Dispose();
            throw;
        }

        return scope;
    }

    /// <summary>Holds the generator, and restores the CPU generator's state when the result is disposed on the same thread.</summary>
    internal static IDisposable Keep()
    {
        TorchBackend.EnsureLoaded();
        return new RestoredGenerator(state: null);
    }

    /// <summary>Sets the CPU generator to an earlier state until the result is disposed on the same thread.</summary>
    internal static IDisposable Rewind(torch.Tensor state) => new RestoredGenerator(state);

    // Also holds the generator.
    private sealed class RestoredGenerator : IDisposable
    {
        private readonly torch.Tensor now;

        public RestoredGenerator(torch.Tensor? state)
        {
            Gate.Enter();
            try
            {
                now = torch.random.get_rng_state().DetachFromDisposeScope();
                if (state is not null)
                {
                    Set(state);
                }
            }
            catch
            {
                Gate.Exit();
                throw;
            }
        }

        public void Dispose()
        {
            Set(now);
            now.Dispose();
            Gate.Exit();
        }

        private static void Set(torch.Tensor state)
        {
#pragma warning disable RS0030 // The state is the generator's own, and so of its size.
            torch.random.set_rng_state(state);
#pragma warning restore RS0030
        }
    }
}
