namespace Diffusion.Sampling;

/// <summary>Schedulers over timesteps: DDPM, DDIM, PNDM.</summary>
internal static class AncestralMapping
{
    public static StepSampler Ddpm(DiffusersSettings settings) => new DdpmSampler
    {
        Grid = DiffusersGrids.Timesteps(settings), Clipping = DiffusersGrids.Clipping(settings), Variance = Variance(settings),
    };

    public static StepSampler UnClip(DiffusersSettings settings) => new DdpmSampler
    {
        Grid = new TimestepGrid(TimestepSpacing.Linspace), Clipping = DiffusersGrids.Clipping(settings), Variance = Variance(settings),
    };

    // A step from timestep 0 to its own level acts only by clipping.
    public static StepSampler Ddim(DiffusersSettings settings)
    {
        SampleClipping clipping = DiffusersGrids.Clipping(settings, keepsNoise: true);
        bool endsClean = settings.Flag("set_alpha_to_one");
        return new DdimSampler
        {
            Grid = DiffusersGrids.Timesteps(settings) with
            {
                EndsClean = endsClean, KeepsStepAtZero = !endsClean && clipping != SampleClipping.None,
            },
            Clipping = clipping,
        };
    }

    // Images count as being at timestep 0, whether or not set_alpha_to_one says so: a network has no label for clean images.
    public static StepSampler DdimInverse(DiffusersSettings settings) => new DdimInversionSampler
    {
        Grid = new ReversedGrid(DiffusersGrids.Timesteps(settings) with { EndsClean = false }),
        Clipping = DiffusersGrids.Clipping(settings, keepsNoise: true),
    };

    public static StepSampler Pndm(DiffusersSettings settings) => new PndmSampler
    {
        Grid = DiffusersGrids.Timesteps(settings) with { EndsClean = settings.Flag("set_alpha_to_one") },
        Clipping = SampleClipping.None, FirstOrderFromNoise = false,
        Warmup = settings.Flag("skip_prk_steps") ? PndmWarmup.ImprovedEuler : PndmWarmup.RungeKutta,
    };

    public static StepSampler Ipndm(DiffusersSettings settings) => new PndmSampler
    {
        Grid = new SquaredSineGrid(settings.Numbers("trained_betas")), Clipping = SampleClipping.None, FirstOrderFromNoise = false,
        Warmup = PndmWarmup.None,
    };

    // The logarithm of the small variance leads to the same numbers.
    private static DdpmVariance Variance(DiffusersSettings settings) => settings.Text("variance_type") switch
    {
        "fixed_large" => DdpmVariance.FixedLarge,
        "learned" => DdpmVariance.Learned,
        "learned_range" => DdpmVariance.LearnedRange,
        _ => DdpmVariance.FixedSmall,
    };
}
