namespace Diffusion.Training;

/// <summary>What a plan measures, and the sampling that it plans for.</summary>
internal sealed record PlanOptions
{
    /// <summary>
    /// The minimum number of measured optimizer steps, 1 to 1000. Default 8. More are measured if these take less than three seconds, and
    /// at least twice as many batches as are prefetched: otherwise batches that were read before the measurement would hide the reading
    /// time.
    /// </summary>
    public int CalibrationSteps { get; init; } = 8;

    /// <summary>
    /// Forward passes per image in sampling, 1 to 10,000: the steps of the sampler, or twice as many with guidance. Default 50.
    /// </summary>
    public int SamplerSteps { get; init; } = 50;

    /// <summary>The number of sampled images, 1 to 1,000,000. Default 16.</summary>
    public int SampledImages { get; init; } = 16;

    /// <summary>Every invalid value, each with its remedy.</summary>
    public IReadOnlyList<string> Problems => ((string?[])
    [
        CalibrationSteps is >= 1 and <= 1000 ? null : $"calibrationSteps ({CalibrationSteps}) must be in 1..1000. Use 8.",
        SamplerSteps is >= 1 and <= 10_000 ? null : $"samplerSteps ({SamplerSteps}) must be in 1..10000. Use 50.",
        SampledImages is >= 1 and <= 1_000_000 ? null : $"sampledImages ({SampledImages}) must be in 1..1000000. Use 16.",
    ]).OfType<string>().ToArray();
}
