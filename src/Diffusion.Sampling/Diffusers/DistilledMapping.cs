namespace Diffusion.Sampling;

/// <summary>Schedulers of models that were distilled for few steps.</summary>
internal static class DistilledMapping
{
    private const double UsualScaling = 10;

    public static StepSampler Lcm(DiffusersSettings settings)
    {
        RefuseScaling(settings);
        return new ConsistencySampler { Grid = Grid(settings), Clipping = DiffusersGrids.Clipping(settings) };
    }

    // diffusers ignores clip_sample and thresholding here, and always ends at timestep 0.
    public static StepSampler Tcd(DiffusersSettings settings) =>
        new TcdSampler { Grid = Grid(settings) with { EndsClean = false }, Clipping = SampleClipping.None };

    private static DistilledGrid Grid(DiffusersSettings settings) => new(settings.Integer("original_inference_steps"));

    // The estimate is mixed with the noisy image, by less than 1e-5 at this scaling: it is left out.
    private static void RefuseScaling(DiffusersSettings settings) => settings.Refuse(
        settings.Number("timestep_scaling") < UsualScaling, "timestep_scaling",
        $"below {UsualScaling}, the estimate is mixed with the noisy image, which no sampler here does.");
}
