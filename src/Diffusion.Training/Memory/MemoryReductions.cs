using System.Globalization;
using TorchSharp;

namespace Diffusion.Training;

/// <summary>The changes that are tried so that training fits.</summary>
internal static class MemoryReductions
{
    /// <summary>Those that fit, from what changes nothing of the result to what changes the network.</summary>
    public static IEnumerable<MemoryReduction> Of(MemoryEstimator asked, int microBatchSize, long budgetBytes)
    {
        (string, MemoryEstimator)[] nothing = [];
        (string Change, MemoryEstimator Estimator)[] states =
        [
            (string.Empty, asked),
            .. asked.GradientCheckpointing is GradientCheckpointing.All or GradientCheckpointing.Fit
                ? nothing
                : [("gradient checkpointing", new MemoryEstimator(asked) { GradientCheckpointing = GradientCheckpointing.All })],
            .. asked.HoldsSavingCopy
                ? [("no checkpoints", new MemoryEstimator(asked) { CopiesForSaving = false })]
                : nothing,
            .. PrecisionTypes.IsHalf(asked.Precision)
                ? nothing
                : [("Precision BFloat16, which rounds", new MemoryEstimator(asked) { Precision = Precision.BFloat16 })],
            .. asked.Averages > 0 && asked is { AveragesOnCpu: false, Device: DeviceType.CUDA, ShardedOver: 1 }
                ? [("EmaOnCpu", new MemoryEstimator(asked) { AveragesOnCpu = true })]
                : nothing,
            .. asked.Averages > 1 ? [("one average", new MemoryEstimator(asked) { Averages = 1 })] : nothing,
            .. asked.Averages > 0 ? [("no average", new MemoryEstimator(asked) { Averages = 0 })] : nothing,
            .. asked.HoldsSavingCopy && asked.Averages > 0
                ? [("no average and no checkpoints", new MemoryEstimator(asked) { Averages = 0, CopiesForSaving = false })]
                : nothing,
            .. Narrower(asked),
        ];
        foreach ((string change, MemoryEstimator estimator) in states)
        {
            if (Accumulated(estimator, change, microBatchSize, budgetBytes) is { } way)
            {
                yield return way;
            }
        }
    }

    // The largest divisor that fits: so the batch, and with it the gradient, stays what it was.
    private static MemoryReduction? Accumulated(MemoryEstimator estimator, string change, int microBatchSize, long budgetBytes)
    {
        for (int size = Math.Min(microBatchSize, estimator.MaxMicroBatch(budgetBytes)); size >= 1; size--)
        {
            if (microBatchSize % size == 0)
            {
                string smaller = size == microBatchSize
                    ? string.Empty
                    : string.Create(CultureInfo.InvariantCulture, $"MicroBatchSize {size}, accumulated {microBatchSize / size} times");
                return new MemoryReduction(string.Join(", ", new[] { change, smaller }.Where(part => part.Length > 0)), estimator,
                    estimator.Estimate(size));
            }
        }

        return null;
    }

    private static IEnumerable<(string Change, MemoryEstimator Estimator)> Narrower(MemoryEstimator asked)
    {
        foreach ((int part, string name) in new[] { (2, "half"), (4, "a quarter of") })
        {
            UNet2DOptions network = asked.Network with { BlockOutChannels = [.. asked.Network.BlockOutChannels.Select(channels => channels
                / part)] };
            if (network.Problems().Count == 0)
            {
                yield return ($"{name} the channels ({string.Join(", ", network.BlockOutChannels)})", new MemoryEstimator(asked, network));
            }
        }
    }
}
