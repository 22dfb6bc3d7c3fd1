namespace Diffusion.Sampling;

/// <summary>What a <see cref="CurveGrid"/> spaces.</summary>
public enum CurveVariable
{
    /// <summary>sigma / alpha, the sigma of EDM and k-diffusion.</summary>
    Ratio,

    /// <summary>
    /// The noise's fraction sigma / (alpha + sigma): the sigma of rectified flow, in which diffusers' flow schedulers space their curves.
    /// </summary>
    Fraction,
}
