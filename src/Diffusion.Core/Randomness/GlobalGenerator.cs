using TorchSharp;

namespace Diffusion;

/// <summary>
/// The process's one generator, which PyTorch's initialisation of weights and dropout draw from. Whoever lets them draw seeds it and
/// holds it meanwhile, so that no other thread takes numbers out of the sequence.
/// </summary>
/// <example><c>using (GlobalGenerator.Hold(seed)) { ... }</c></example>
public static class GlobalGenerator
{
    private static readonly Lock Gate = new();

    /// <summary>Waits until no other thread holds the generator, and seeds it, on the CPU and on every CUDA device.</summary>
    /// <param name="seed">Any number; the same one gives the same sequence.</param>
    /// <returns>
    /// Dispose it on the same thread to let others have the generator. Holding it again meanwhile on the same thread seeds it anew.
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

    /// <summary>Holds the generator, and gives the CPU's its present state back when the answer is disposed on the same thread.</summary>
    internal static IDisposable Keep()
    {
        TorchBackend.EnsureLoaded();
        return new RestoredGenerator(state: null);
    }

    /// <summary>Gives the CPU's generator an earlier state, and its own back when the answer is disposed on the same thread.</summary>
    internal static IDisposable Rewind(torch.Tensor state) => new RestoredGenerator(state);

    // Holds the generator meanwhile.
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
