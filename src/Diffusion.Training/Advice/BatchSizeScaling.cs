namespace Diffusion.Training;

/// <summary>
/// How the learning rate follows the batch, and how a batch is split. What counts is the effective batch: the images of one optimizer step,
/// micro-batch times accumulation times processes.
/// </summary>
public static class BatchSizeScaling
{
    /// <summary>The batch for which <see cref="BaseLearningRate"/> is meant: 64.</summary>
    public const int BaseBatch = 64;

    /// <summary>The learning rate of AdamW that is usual at <see cref="BaseBatch"/>: 2e-4.</summary>
    public const double BaseLearningRate = 2e-4;

    /// <summary>Up to this effective batch the rate grows in proportion to it, beyond it with the square root: 512.</summary>
    public const int MaxLinearBatch = 512;

    /// <summary>The images of one optimizer step.</summary>
    /// <param name="microBatch">Images of one forward and backward pass on one process, at least 1.</param>
    /// <param name="accumulation">Passes whose gradients are added up, at least 1.</param>
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
    /// The learning rate for an effective batch: in proportion to it up to 512 (Goyal et al. 2017), beyond that with its square root
    /// (Krizhevsky 2014, section 3.1): 2e-4 at 64, 8e-4 at 256, 1.6e-3 at 512, 2.26e-3 at 1024.
    /// </summary>
    /// <param name="effectiveBatch">At least 1.</param>
    /// <param name="baseLearningRate">The rate that is right at <paramref name="baseBatch"/>, above 0; a rate found by a range finder, for
    /// instance.</param>
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

    /// <summary>What an effective batch of a size is good for.</summary>
    /// <param name="effectiveBatch">At least 1.</param>
    public static BatchAdvice Advice(int effectiveBatch)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(effectiveBatch, 1);
        return effectiveBatch switch
        {
            < 32 => new BatchAdvice("tiny", "below 32", "Very noisy gradients: for tests and the smallest machines. Accumulate to 64."),
            < 128 => new BatchAdvice("small", "32 to 64", "Noisy gradients, quick steps: for debugging and small GPUs."),
            < MaxLinearBatch => new BatchAdvice("medium", "128 to 256", "The standard for training in earnest."),
            _ => new BatchAdvice("large", "512 and more",
                "Smoother gradients, for several GPUs. The learning rate grows with the square root only."),
        };
    }

    /// <summary>
    /// Splits an effective batch so that each pass fits: the largest micro-batch that divides it, and how often it is accumulated.
    /// </summary>
    /// <param name="effectiveBatch">The images of one optimizer step, at least 1.</param>
    /// <param name="maxMicroBatch">The most images that fit in memory at once, at least 1.</param>
    /// <param name="processes">Processes that train together; must divide the effective batch. Default 1.</param>
    /// <returns>The split, and an effective batch near this one that needs fewer passes, where there is one.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A number is below 1.</exception>
    /// <exception cref="ArgumentException">The processes cannot share the batch evenly.</exception>
    public static BatchSplit Split(int effectiveBatch, int maxMicroBatch, int processes = 1)
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
        return new BatchSplit(micro, share / micro, processes, better);
    }

    private static double Growth(int batch) => batch <= MaxLinearBatch ? batch : Math.Sqrt((double)batch * MaxLinearBatch);
}
