namespace Diffusion.Sampling.Tests.Traces;

/// <summary>The tolerances that the README of the recorded runs suggests, for float64.</summary>
public static class TraceTolerance
{
    /// <summary>The relative tolerance of grids.</summary>
    public const double Grid = 1e-10;

    /// <summary>The absolute tolerance of a run whose own states are fed back, to the end.</summary>
    public static double Of(SamplerTrace trace) => trace.Family switch
    {
        "lms" or "k_lms" or "deis" or "sasolver" or "k_dpm_adaptive" => 1e-6,
        "ddim_inverse" or "dpm_multistep_inverse" => 1e-6,
        _ => 1e-8,
    };
}
