namespace Diffusion.Sampling;

/// <summary>Which estimate a solver integrates over the half log-SNR.</summary>
public enum SolverForm
{
    /// <summary>The clean image, as DPM-Solver++ (Lu et al. 2022b): stable with strong guidance and with clipping.</summary>
    Data,

    /// <summary>The noise, as DPM-Solver (Lu et al. 2022a).</summary>
    Noise,
}
