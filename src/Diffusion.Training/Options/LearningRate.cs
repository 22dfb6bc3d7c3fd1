namespace Diffusion.Training;

/// <summary>
/// The learning rate of each optimizer step. It counts optimizer steps only, so that gradient accumulation and the number of processes
/// never change it.
/// </summary>
public sealed record LearningRate
{
    /// <summary>The longest default warm-up: 5000 steps.</summary>
    public const int LongestDefaultWarmup = 5000;

    /// <summary>The highest learning rate, reached at the end of the warm-up; 1e-4 to 3e-4 is usual. Default 2e-4.</summary>
    public double Peak { get; init; } = 2e-4;

    /// <summary>Its shape after the warm-up. Default constant.</summary>
    public LearningRateShape Shape { get; init; } = LearningRateShape.Constant;

    /// <summary>
    /// Optimizer steps of the warm-up, over which the rate grows in a straight line; 1000 to 10000 is usual for long runs. Null, the
    /// default, is the smaller of 5000 steps and 5% of the run.
    /// </summary>
    public int? WarmupSteps { get; init; }

    /// <summary>A constant learning rate after the warm-up.</summary>
    /// <param name="peak">The highest learning rate, reached at the end of the warm-up; 1e-4 to 3e-4 is usual. Default 2e-4.</param>
    public static LearningRate Constant(double peak = 2e-4) => new() { Peak = peak, Shape = LearningRateShape.Constant };

    /// <summary>Half a cosine down to zero at the end of the run.</summary>
    /// <param name="peak">The highest learning rate, reached at the end of the warm-up; 1e-4 to 3e-4 is usual. Default 2e-4.</param>
    public static LearningRate Cosine(double peak = 2e-4) => new() { Peak = peak, Shape = LearningRateShape.Cosine };

    /// <summary>A straight line down to zero at the end of the run.</summary>
    /// <param name="peak">The highest learning rate, reached at the end of the warm-up; 1e-4 to 3e-4 is usual. Default 2e-4.</param>
    public static LearningRate Linear(double peak = 2e-4) => new() { Peak = peak, Shape = LearningRateShape.Linear };

    /// <summary>The inverse square root of the step after the warm-up.</summary>
    /// <param name="peak">The highest learning rate, reached at the end of the warm-up; 1e-4 to 3e-4 is usual. Default 2e-4.</param>
    public static LearningRate InverseSquareRoot(double peak = 2e-4) => new() { Peak = peak, Shape = LearningRateShape.InverseSquareRoot };

    /// <summary>The same with a warm-up of a given length; 0 for none.</summary>
    /// <param name="steps">Optimizer steps.</param>
    public LearningRate WithWarmup(int steps) => this with { WarmupSteps = steps };

    /// <summary>The warm-up of a run: <see cref="WarmupSteps"/>, or by default the smaller of 5000 steps and 5% of the run.</summary>
    /// <param name="totalSteps">The optimizer steps of the whole run.</param>
    public long WarmupOf(long totalSteps) => WarmupSteps ?? Math.Min(LongestDefaultWarmup, totalSteps / 20);

    /// <summary>The learning rate of one optimizer step.</summary>
    /// <param name="step">The step, from 0 to <paramref name="totalSteps"/> - 1.</param>
    /// <param name="totalSteps">The optimizer steps of the whole run.</param>
    public double At(long step, long totalSteps)
    {
        long warmup = WarmupOf(totalSteps);
        if (step < warmup)
        {
            return Peak * (step + 1) / warmup;
        }

        double done = Math.Clamp((double)(step - warmup) / Math.Max(1, totalSteps - warmup), 0, 1);
        return Shape switch
        {
            LearningRateShape.Cosine => Peak * 0.5 * (1 + Math.Cos(Math.PI * done)),
            LearningRateShape.Linear => Peak * (1 - done),
            LearningRateShape.InverseSquareRoot => Peak * Math.Sqrt(Math.Max(1.0, warmup) / (step + 1)),
            _ => Peak,
        };
    }
}
