using TorchSharp;

namespace Diffusion;

/// <summary>
/// Limits libtorch's threads. By default it starts one per core of the machine, even in a container that may use two of sixty-four, where
/// they wait for each other.
/// </summary>
internal static class CpuQuota
{
    private static readonly string[] Choices = ["OMP_NUM_THREADS", "MKL_NUM_THREADS"];

    /// <summary>Lowers the number of threads to the cores that this process may use, unless the user chose a number.</summary>
    public static void Heed()
    {
        // .NET's count respects cgroup quotas (versions 1 and 2), affinity, and DOTNET_PROCESSOR_COUNT.
        int cores = Environment.ProcessorCount;
        bool isChosen = Choices.Any(choice => !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(choice)));
        if (!isChosen && torch.get_num_threads() > cores)
        {
            torch.set_num_threads(cores);
        }
    }
}
