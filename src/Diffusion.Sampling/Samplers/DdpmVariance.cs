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

    /// <summary>The network outputs the variance itself, in a second set of channels.</summary>
    Learned,

    /// <summary>
    /// The network outputs, in a second set of channels, a number in [-1, 1] that interpolates the two fixed variances (Nichol and
    /// Dhariwal 2021, equation 15).
    /// </summary>
    LearnedRange,
}
