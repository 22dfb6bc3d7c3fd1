namespace Diffusion;

/// <summary>
/// The names of the built-in parameterizations, for options: what a network predicts from x = alpha * clean + sigma * noise.
/// </summary>
public enum PredictionType
{
    /// <summary>The noise (Ho et al. 2020, equation 14): the default.</summary>
    Epsilon,

    /// <summary>The clean image, x0.</summary>
    Sample,

    /// <summary>The velocity v = alpha * noise - sigma * clean (Salimans and Ho 2022, section 4).</summary>
    Velocity,

    /// <summary>noise - clean (Liu et al. 2022): rectified flow.</summary>
    Flow,

    /// <summary>EDM's preconditioned prediction with sigma_data 0.5 (Karras et al. 2022, table 1).</summary>
    Edm,
}
