using TorchSharp;

namespace Diffusion;

/// <summary>
/// libtorch makes as many threads as the machine has cores, also in a container that may use two of sixty-four, where they only wait for
/// each other.
/// </summary>
internal static class CpuQuota
{
    private static readonly string[] Choices = ["OMP_NUM_THREADS", "MKL_NUM_THREADS"];

    /// <summary>Lowers the number of threads to the cores that this process may use, unless the user chose a number.</summary>
    public static void Heed()
    {
        // .NET's count heeds the quotas of cgroups (versions 1 and 2), affinity, and DOTNET_PROCESSOR_COUNT.
        int cores = Environment.ProcessorCount;
        bool isChosen = Choices.Any(choice => !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(choice)));
        if (!isChosen && torch.get_num_threads() > cores)
        {
            torch.set_num_threads(cores);
        }
    }
}
