namespace Diffusion.Sampling;

/// <summary>How <see cref="PndmSampler"/> takes its first steps, before it has enough estimates.</summary>
public enum PndmWarmup
{
    /// <summary>Three Runge-Kutta steps of four calls each (Liu et al. 2022, equation 12).</summary>
    RungeKutta,

    /// <summary>One improved Euler step of two calls, then as many estimates as there are: PLMS of latent diffusion.</summary>
    ImprovedEuler,

    /// <summary>As many estimates as there are: iPNDM.</summary>
    None,
}
