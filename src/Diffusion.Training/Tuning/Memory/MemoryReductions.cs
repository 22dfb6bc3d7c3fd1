using System.Globalization;

namespace Diffusion.Training;

/// <summary>The changes that are tried so that training fits.</summary>
internal static class MemoryReductions
{
    /// <summary>Those that fit, from what changes nothing of the result to what changes the network.</summary>
    public static IEnumerable<MemoryReduction> Of(MemoryEstimator asked, int microBatchSize, long budgetBytes)
    {
        (string Change, MemoryEstimator Estimator)[] states =
        [
            (string.Empty, asked),
            .. asked.GradientCheckpointing
                ? Array.Empty<(string, MemoryEstimator)>()
                : [("gradient checkpointing", With(asked, asked.Averages, asked.CopiesForSaving, checkpointing: true))],
            .. asked.CopiesForSaving
                ? [("no checkpoints", With(asked, asked.Averages, copies: false))]
                : Array.Empty<(string, MemoryEstimator)>(),
            .. PrecisionTypes.IsHalf(asked.Precision)
                ? Array.Empty<(string, MemoryEstimator)>()
                : [("Precision BFloat16, which rounds", With(asked, asked.Averages, asked.CopiesForSaving, precision: Precision.BFloat16))],
            .. asked.Averages > 1 ? [("one average", With(asked, 1, asked.CopiesForSaving))] : Array.Empty<(string, MemoryEstimator)>(),
            .. asked.Averages > 0 ? [("no average", With(asked, 0, asked.CopiesForSaving))] : Array.Empty<(string, MemoryEstimator)>(),
            .. asked.CopiesForSaving && asked.Averages > 0
                ? [("no average and no checkpoints", With(asked, 0, copies: false))]
                : Array.Empty<(string, MemoryEstimator)>(),
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
                yield return ($"{name} the channels ({string.Join(", ", network.BlockOutChannels)})", Over(asked, network));
            }
        }
    }

    private static MemoryEstimator With(MemoryEstimator asked, int averages, bool copies, bool checkpointing = false,
        Precision? precision = null) =>
        new(asked.Network, asked.Images)
    {
        Averages = averages, CopiesForSaving = copies, GradientCheckpointing = asked.GradientCheckpointing || checkpointing,
        Precision = precision ?? asked.Precision,
        Optimizer = asked.Optimizer, ShardedOver = asked.ShardedOver,
    };

    private static MemoryEstimator Over(MemoryEstimator asked, UNet2DOptions network) => new(network, asked.Images)
    {
        Averages = asked.Averages, CopiesForSaving = asked.CopiesForSaving, GradientCheckpointing = asked.GradientCheckpointing,
        Precision = asked.Precision,
        Optimizer = asked.Optimizer, ShardedOver = asked.ShardedOver,
    };
}
