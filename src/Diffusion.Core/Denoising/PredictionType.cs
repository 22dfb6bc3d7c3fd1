namespace Diffusion;

/// <summary>What the network answers with, given a noisy image x = alpha * clean + sigma * noise.</summary>
public enum PredictionType
{
    /// <summary>The noise (Ho et al. 2020, equation 14): the default.</summary>
    Epsilon,

    /// <summary>The clean image, x0.</summary>
    Sample,

    /// <summary>The velocity v = alpha * noise - sigma * clean (Salimans and Ho 2022, section 4).</summary>
    Velocity,
}
