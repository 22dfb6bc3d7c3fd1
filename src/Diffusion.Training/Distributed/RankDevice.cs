using TorchSharp;

namespace Diffusion.Training;

/// <summary>The device of a process if the user names none: the GPU whose index is its number on the machine.</summary>
internal static class RankDevice
{
    private const string Visible = "CUDA_VISIBLE_DEVICES";

    /// <summary>The GPU of a process; without GPUs the best device.</summary>
    /// <param name="localRank">Its number among the processes of the machine.</param>
    /// <exception cref="DistributedException">There are fewer GPUs than processes.</exception>
    public static ComputeDevice Best(int localRank)
    {
        TorchBackend.EnsureLoaded();
        return torch.cuda.is_available()
            ? ComputeDevice.Cuda(Index(localRank, torch.cuda.device_count(), Environment.GetEnvironmentVariable(Visible)))
            : ComputeDevice.Best;
    }

    /// <summary>The index of the GPU of a process.</summary>
    /// <param name="localRank">Its number among the processes of the machine.</param>
    /// <param name="count">The number of GPUs that it sees.</param>
    /// <param name="visible">The variable by which a launcher shows each process its own GPU; null if it is not set.</param>
    /// <exception cref="DistributedException">There are fewer GPUs than processes.</exception>
    internal static int Index(int localRank, int count, string? visible) =>
        localRank < count ? localRank
        : count == 1 && !string.IsNullOrEmpty(visible) ? 0
        : throw new DistributedException(
            $"This process is number {localRank + 1} on its machine, but the machine has {count} GPU{(count == 1 ? string.Empty : "s")}. "
                + "Start one process per GPU, or name the device with UseDevice.");
}
