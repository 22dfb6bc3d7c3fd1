using System.Globalization;
using TorchSharp;

namespace Diffusion.Training;

/// <summary>The device of a process if the user names none: the GPU whose index is its number on the machine.</summary>
internal static class RankDevice
{
    private const string Visible = "CUDA_VISIBLE_DEVICES";

    /// <summary>The GPU of a process; without GPUs the best device.</summary>
    /// <param name="place">The place of the process.</param>
    /// <exception cref="DistributedException">There are fewer GPUs than processes.</exception>
    public static ComputeDevice Best(ProcessPlace place) => Best(place.LocalRank, place.LocalWorldSize);

    /// <summary>The GPU of a process; without GPUs the best device.</summary>
    /// <param name="localRank">Its number among the processes of the machine.</param>
    /// <param name="localWorldSize">The number of processes of the machine; null if it is not known.</param>
    /// <exception cref="DistributedException">There are fewer GPUs than processes.</exception>
    public static ComputeDevice Best(int localRank, int? localWorldSize = null)
    {
        TorchBackend.EnsureLoaded();
        return torch.cuda.is_available()
            ? ComputeDevice.Cuda(Index(localRank, localWorldSize, torch.cuda.device_count(), Environment.GetEnvironmentVariable(Visible)))
            : ComputeDevice.Best;
    }

    /// <summary>
    /// The index of the GPU of a process. Where there are fewer GPUs than processes, all processes of the machine get the error.
    /// </summary>
    /// <param name="localRank">Its number among the processes of the machine.</param>
    /// <param name="localWorldSize">The number of processes of the machine; null if it is not known.</param>
    /// <param name="count">The number of GPUs that it sees.</param>
    /// <param name="visible">
    /// The variable by which a launcher shows each process its own GPU; null if it is not set. If all are shown the same one, NCCL says so.
    /// </param>
    /// <exception cref="DistributedException">There are fewer GPUs than processes.</exception>
    internal static int Index(int localRank, int? localWorldSize, int count, string? visible)
    {
        bool isShown = !string.IsNullOrEmpty(visible);
        if (Math.Max(localRank + 1, localWorldSize ?? 0) <= count)
        {
            return localRank;
        }

        if (count == 1 && isShown)
        {
            return 0;
        }

        string all = localWorldSize?.ToString(CultureInfo.InvariantCulture) ?? "those";
        string shown = isShown ? $" ({Visible} is {visible})" : string.Empty;
        throw new DistributedException(
            $"This process is number {localRank + 1} of {all} on its machine, but sees {count} GPU{(count == 1 ? string.Empty : "s")}"
                + $"{shown}. Start one process per GPU, or name the device with UseDevice.");
    }
}
