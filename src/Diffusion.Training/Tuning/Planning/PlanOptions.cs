namespace Diffusion.Training;

/// <summary>What <see cref="TrainerBuilder.Plan"/> measures and plans for.</summary>
public sealed record PlanOptions
{
    /// <summary>
    /// The fewest optimizer steps that are measured, 1 to 1000; more where they take less than three seconds; twice the batches that are
    /// read ahead are measured at least, so that what was read before the clock began does not hide the reading. Default 8.
    /// </summary>
    public int CalibrationSteps { get; init; } = 8;

    /// <summary>
    /// Forward passes per image in sampling, 1 to 10,000: the steps of the sampler, twice as many with guidance. Default 50.
    /// </summary>
    public int SamplerSteps { get; init; } = 50;

    /// <summary>How many images a sampling makes, 1 to 1,000,000. Default 16.</summary>
    public int SampledImages { get; init; } = 16;

    /// <summary>Every impossible value, each with its remedy.</summary>
    internal IReadOnlyList<string> Problems => ((string?[])
    [
        CalibrationSteps is >= 1 and <= 1000 ? null : $"PlanOptions.CalibrationSteps ({CalibrationSteps}) must be in 1..1000. Use 8.",
        SamplerSteps is >= 1 and <= 10_000 ? null : $"PlanOptions.SamplerSteps ({SamplerSteps}) must be in 1..10000. Use 50.",
        SampledImages is >= 1 and <= 1_000_000 ? null : $"PlanOptions.SampledImages ({SampledImages}) must be in 1..1000000. Use 16.",
    ]).OfType<string>().ToArray();
}
