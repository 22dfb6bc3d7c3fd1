namespace Diffusion.Training;

/// <summary>
/// Relates the learning rate and the micro-batch to the effective batch: the images of one optimizer step, which is micro-batch times
/// accumulation times processes.
/// </summary>
public static class BatchSizeScaling
{
    /// <summary>The batch size that <see cref="BaseLearningRate"/> is for: 64.</summary>
    public const int BaseBatch = 64;

    /// <summary>The usual learning rate of AdamW at <see cref="BaseBatch"/>: 2e-4.</summary>
    public const double BaseLearningRate = 2e-4;

    /// <summary>The learning rate is proportional to the batch up to this size, and to its square root above: 512.</summary>
    public const int MaxLinearBatch = 512;

    /// <summary>The images of one optimizer step.</summary>
    /// <param name="microBatch">Images of one forward and backward pass on one process, at least 1.</param>
    /// <param name="accumulation">Passes whose gradients are summed, at least 1.</param>
    /// <param name="processes">Processes that train together, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is below 1, or the product does not fit an int.</exception>
    public static int EffectiveBatch(int microBatch, int accumulation = 1, int processes = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(microBatch, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(accumulation, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(processes, 1);
        Int128 product = (Int128)microBatch * accumulation * processes;
        ArgumentOutOfRangeException.ThrowIfGreaterThan(product, int.MaxValue, nameof(microBatch));
        return (int)product;
    }

    /// <summary>
    /// The learning rate for an effective batch: proportional to it up to 512 (Goyal et al. 2017), and to its square root above (Krizhevsky
    /// 2014, section 3.1). It is 2e-4 at 64, 8e-4 at 256, 1.6e-3 at 512 and 2.26e-3 at 1024.
    /// </summary>
    /// <param name="effectiveBatch">At least 1.</param>
    /// <param name="baseLearningRate">
    /// The right rate at <paramref name="baseBatch"/>, above 0; for example one that <see cref="LrRangeFinder"/> suggests.
    /// </param>
    /// <param name="baseBatch">At least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is outside its range.</exception>
    public static double LearningRate(int effectiveBatch, double baseLearningRate = BaseLearningRate, int baseBatch = BaseBatch)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(effectiveBatch, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(baseBatch, 1);
        if (baseLearningRate is not (> 0 and < double.PositiveInfinity))
        {
            throw new ArgumentOutOfRangeException(nameof(baseLearningRate), baseLearningRate,
                "The base learning rate must be positive. Use 2e-4.");
        }

        return baseLearningRate * Growth(effectiveBatch) / Growth(baseBatch);
    }

    /// <summary>Describes what an effective batch of this size is good for, in one or two sentences.</summary>
    /// <param name="effectiveBatch">At least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The batch is below 1.</exception>
    public static string Describe(int effectiveBatch)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(effectiveBatch, 1);
        return effectiveBatch switch
        {
            < 32 => "A tiny batch (below 32): very noisy gradients, for tests and the smallest machines. Accumulate to 64.",
            < 128 => "A small batch (32 to 127): noisy gradients, quick steps, for debugging and small GPUs.",
            < MaxLinearBatch => "A medium batch (128 to 511): the standard for serious training.",
            _ => "A large batch (512 and more): smoother gradients, for several GPUs. The learning rate grows with its square root.",
        };
    }

    /// <summary>
    /// Splits an effective batch into passes that fit: the largest micro-batch that divides it, and the number of passes.
    /// </summary>
    /// <param name="effectiveBatch">The images of one optimizer step, at least 1.</param>
    /// <param name="maxMicroBatch">The maximum number of images that fit in memory at once, at least 1.</param>
    /// <param name="processes">Processes that train together. Their number must divide the effective batch. Default 1.</param>
    /// <returns>
    /// The images of one pass on one process, the number of passes whose gradients are summed, and a slightly smaller effective batch that
    /// needs fewer passes, or null if there is none.
    /// </returns>
    /// <exception cref="ArgumentOutOfRangeException">A number is below 1.</exception>
    /// <exception cref="ArgumentException">The effective batch is not a multiple of the processes.</exception>
    public static (int MicroBatch, int Accumulation, int? BetterBatch) Split(int effectiveBatch, int maxMicroBatch, int processes = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(effectiveBatch, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxMicroBatch, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(processes, 1);
        (int share, int rest) = Math.DivRem(effectiveBatch, processes);
        if (rest != 0)
        {
            int below = share * processes;
            string remedy = below == 0 ? $"Use {processes}" : $"Use {below} or {below + processes}";
            throw new ArgumentException($"A batch of {effectiveBatch} images cannot be shared evenly by {processes} processes. {remedy}.");
        }

        int micro = Math.Min(share, maxMicroBatch);
        while (share % micro != 0)
        {
            micro--;
        }

        // The largest batch below that needs as few passes as memory allows, or one fewer, if this one's divisors do not reach that.
        int passes = ((share - 1) / maxMicroBatch) + 1;
        int? better = passes < share / micro ? Math.Max(share / passes * passes, (passes - 1) * maxMicroBatch) * processes : null;
        return (micro, share / micro, better);
    }

    private static double Growth(int batch) => batch <= MaxLinearBatch ? batch : Math.Sqrt((double)batch * MaxLinearBatch);
}
