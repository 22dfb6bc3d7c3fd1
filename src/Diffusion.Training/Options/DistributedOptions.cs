using System.Globalization;

namespace Diffusion.Training;

/// <summary>How several processes train together. A checkpoint does not contain these options.</summary>
public sealed record DistributedOptions
{
    /// <summary>How the processes that a launcher started find each other. Not used with a given group.</summary>
    public ProcessGroupOptions Launch { get; init; } = new();

    /// <summary>
    /// The size of a bucket, a range of gradients that is added over all processes in one operation: above 0 and at most 4096 MiB. Smaller
    /// buckets start earlier in the backward pass; larger ones need fewer operations. Default 25.
    /// </summary>
    public double BucketMebibytes { get; init; } = 25;

    /// <summary>
    /// The number of optimizer steps between two checks that all processes have the same weights, at least 1. Null for none. Default 100.
    /// </summary>
    public int? CheckEverySteps { get; init; } = 100;

    /// <summary>
    /// Whether each process holds only its part of the optimizer's state and of the averages (stage 1 of ZeRO, Rajbhandari et al. 2020). It
    /// updates that part of the parameters, and then gets the others: the bytes of the parameters once more in each step. Weights, losses
    /// and checkpoints are the same. Needs an optimizer that can (<see cref="IOptimizerFactory.CanShard"/>). All averaged weights are there
    /// in previews and after the run only. Without effect in a single process. Default false.
    /// </summary>
    public bool ShardOptimizer { get; init; }

    /// <summary>
    /// The maximum time that the other processes wait while rank 0 reports, samples previews, or reads and writes checkpoints, and while
    /// all processes start or sample images together. Above 0. Default 30 minutes.
    /// </summary>
    public TimeSpan PauseDeadline { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>All values that are out of range, each with its remedy.</summary>
    internal IReadOnlyList<string> Problems => ((string?[])
    [
        BucketMebibytes is > 0 and <= 4096
            ? null
            : string.Create(CultureInfo.InvariantCulture,
                $"BucketMebibytes ({BucketMebibytes}) must be above 0 and at most 4096. Use 25."),
        CheckEverySteps is null or >= 1 ? null : $"CheckEverySteps ({CheckEverySteps}) must be at least 1. Use 100, or null for none.",
        PauseDeadline > TimeSpan.Zero && PauseDeadline.TotalMilliseconds <= int.MaxValue
            ? null
            : $"PauseDeadline ({PauseDeadline}) must be above 0 and below 24 days. Use 00:30:00.",
    ]).OfType<string>().ToArray();
}
