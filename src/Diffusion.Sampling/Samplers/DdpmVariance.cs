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

    /// <summary>The network answers the variance itself, in as many channels again.</summary>
    Learned,

    /// <summary>
    /// The network answers, in as many channels again, a number in [-1, 1] between the two fixed variances (Nichol and Dhariwal 2021,
    /// equation 15).
    /// </summary>
    LearnedRange,
}
