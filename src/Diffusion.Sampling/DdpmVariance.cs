namespace Diffusion.Sampling;

/// <summary>The variance of the noise that DDPM adds at each step (Ho et al. 2020, section 3.2).</summary>
public enum DdpmVariance
{
    /// <summary>
    /// beta-tilde, the posterior's own variance: exact where all data are one point. The lower bound, and the better one with few steps.
    /// </summary>
    FixedSmall,

    /// <summary>beta, the forward process's variance: exact where the data are standard normal. The upper bound.</summary>
    FixedLarge,
}
