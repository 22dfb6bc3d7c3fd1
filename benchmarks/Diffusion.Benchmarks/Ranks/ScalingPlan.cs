namespace Diffusion.Benchmarks;

/// <summary>
/// The time of a training step on several GPUs by a formula, not by a measurement: computation, and the part of the communication that the
/// backward pass does not hide. Times are in seconds.
/// </summary>
internal sealed record ScalingPlan
{
    /// <summary>The time of a step on one GPU.</summary>
    public required double Compute { get; init; }

    /// <summary>The part of that time in the backward pass: twice the forward pass.</summary>
    public double BackwardShare { get; init; } = 2.0 / 3;

    /// <summary>The bytes of the gradients.</summary>
    public required double Bytes { get; init; }

    /// <summary>The number of buckets in which the gradients are added.</summary>
    public required int Buckets { get; init; }

    /// <summary>The bytes per second that a GPU sends over its slowest link.</summary>
    public required double Bandwidth { get; init; }

    /// <summary>The time of an empty message.</summary>
    public required double Latency { get; init; }

    /// <summary>Whether the updated parameters are gathered too, after the backward pass (ShardOptimizer).</summary>
    public bool Shards { get; init; }

    /// <summary>The time to add all gradients: a ring sends 2 (N - 1) / N of the bytes.</summary>
    /// <param name="gpus">The number of GPUs, at least 2.</param>
    /// <param name="isTree">
    /// Whether a message passes a tree, 2 log2 N links deep, as NCCL does for small buckets, and not a ring of 2 (N - 1) links.
    /// </param>
    public double AllReduce(int gpus, bool isTree) =>
        (2.0 * (gpus - 1) / gpus * Bytes / Bandwidth) + (Buckets * 2 * Links(gpus, isTree) * Latency);

    /// <summary>
    /// The communication that is not hidden: at least that of the last bucket, which is complete when the backward pass ends.
    /// </summary>
    /// <param name="gpus">The number of GPUs.</param>
    /// <param name="isTree">As in <see cref="AllReduce"/>.</param>
    public double Exposed(int gpus, bool isTree)
    {
        double all = AllReduce(gpus, isTree);
        double hiding = BackwardShare * Compute * (1 - (1.0 / Buckets));
        double gather = Shards
            ? ((gpus - 1.0) / gpus * Bytes / Bandwidth) + (Links(gpus, isTree) * Latency)
            : 0;
        return Math.Max(all / Buckets, all - hiding) + gather;
    }

    /// <summary>The part of a step in which is computed, 0 to 1.</summary>
    /// <param name="gpus">The number of GPUs.</param>
    /// <param name="isTree">As in <see cref="AllReduce"/>.</param>
    public double Efficiency(int gpus, bool isTree) => Compute / (Compute + Exposed(gpus, isTree));

    private static double Links(int gpus, bool isTree) => isTree ? Math.Log2(gpus) : gpus - 1;
}
