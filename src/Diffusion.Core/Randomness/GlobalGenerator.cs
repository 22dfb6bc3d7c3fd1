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
}
