using System.Globalization;
using Diffusion.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Benchmarks;

/// <summary>The time of operations, and the bandwidth by the formulas of nccl-tests.</summary>
internal static class NcclBandwidth
{
    /// <summary>Prints a table on rank 0: medians of repeated operations on float32.</summary>
    public static void Measure(IProcessGroup group, Device device, IReadOnlyList<int> megabytes)
    {
        Print(group, "| operation | MB | µs | algorithm, GB/s | bus, GB/s |");
        Print(group, "| --- | --- | --- | --- | --- |");
        int world = group.WorldSize;
        double others = (world - 1) / (double)world;
        foreach (int size in megabytes)
        {
            using DisposeScope scope = NewDisposeScope();
            long part = Math.Max(1, size * 1_000_000L / sizeof(float) / world);
            Tensor whole = zeros(part * world, ScalarType.Float32, device);
            Tensor own = whole.narrow(0, group.Rank * part, part);
            Row("AllReduce", 2 * others, () => group.AllReduce(whole));
            Row("AllGather", others, () => group.AllGather(whole, own));
            Row("ReduceScatter", others, () => group.ReduceScatter(own, whole));
            Row("Broadcast", 1, () => group.Broadcast(whole));

            void Row(string name, double busFactor, Func<IPendingOperation> start)
            {
                double seconds = CollectiveTime.Seconds(group, start);
                double algorithm = part * world * sizeof(float) / seconds / 1e9;
                Print(group, string.Create(
                    CultureInfo.InvariantCulture,
                    $"| {name} | {size} | {seconds * 1e6:F1} | {algorithm:F1} | {algorithm * busFactor:F1} |"));
            }
        }
    }

    private static void Print(IProcessGroup group, string line)
    {
        if (group.Rank == 0)
        {
            Console.WriteLine(line);
        }
    }
}
