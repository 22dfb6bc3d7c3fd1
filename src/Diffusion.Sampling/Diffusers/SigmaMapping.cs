namespace Diffusion.Sampling;

/// <summary>Schedulers over sigma that diffusers took from k-diffusion.</summary>
internal static class SigmaMapping
{
    public static StepSampler Euler(DiffusersSettings settings)
    {
        settings.Refuse(settings.Text("interpolation_type") != "linear", "interpolation_type",
            "its grid never reaches the clean image in diffusers. Use linear.");
        settings.Refuse(settings.Text("timestep_type") != "discrete", "timestep_type",
            "the labels of such a network, log(sigma) / 4, are not those of a schedule of timesteps.");
        return new EulerSampler { Grid = Grid(settings), Clipping = SampleClipping.None };
    }

    public static StepSampler EulerAncestral(DiffusersSettings settings) =>
        new EulerAncestralSampler { Grid = Grid(settings), Clipping = SampleClipping.None };

    public static StepSampler Heun(DiffusersSettings settings) =>
        new HeunSampler { Grid = Grid(settings), Clipping = DiffusersGrids.Clipping(settings), FirstOrderFromNoise = false };

    public static StepSampler Lms(DiffusersSettings settings) =>
        new LmsSampler { Grid = Grid(settings), Clipping = SampleClipping.None };

    public static StepSampler Dpm2(DiffusersSettings settings) =>
        new Dpm2Sampler { Grid = Grid(settings), Clipping = SampleClipping.None, FirstOrderFromNoise = false };

    public static StepSampler Dpm2Ancestral(DiffusersSettings settings) =>
        new Dpm2Sampler { Grid = Grid(settings), Clipping = SampleClipping.None, Eta = 1, FirstOrderFromNoise = false };

    public static StepSampler DpmSde(DiffusersSettings settings)
    {
        settings.Refuse(settings.Number("noise_sampler_seed") is not null, "noise_sampler_seed",
            "the noise is that of the seed of a SampleRequest. Remove it.");
        return new DpmSolverSde { Grid = Grid(settings), Clipping = SampleClipping.None };
    }

    private static ISamplingGrid Grid(DiffusersSettings settings)
    {
        bool endsClean = DiffusersGrids.EndsClean(settings);
        TimestepGrid timesteps = DiffusersGrids.Timesteps(settings) with { IsRounded = false, EndsClean = endsClean };
        return DiffusersGrids.Curve(settings) is { } curve
            ? new CurveOverGrid(curve with { EndsClean = endsClean }, timesteps)
            : timesteps;
    }
}
