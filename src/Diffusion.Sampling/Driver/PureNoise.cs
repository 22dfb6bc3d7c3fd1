namespace Diffusion.Sampling;

/// <summary>Recognizes levels from which no step of higher order in the noise can be taken.</summary>
internal static class PureNoise
{
    // Of the usual schedules only the cosine one (Nichol and Dhariwal 2021) begins below it, with alpha / sigma = 5e-5; DDPM's with 6e-3.
    private const double MinSignal = 1e-3;

    /// <summary>
    /// Whether nothing, or almost nothing, of the image is left. A solver that combines estimates of the noise multiplies the network's
    /// error by the ratio of the two sigma / alpha of its step, a thousand and more where almost nothing is left, so such a step is of
    /// order 1. Solvers that combine estimates of the clean image do not multiply it; they need a special step at alpha 0 only.
    /// </summary>
    /// <param name="level">The level.</param>
    /// <param name="orNearly">Whether almost nothing counts.</param>
    public static bool IsPureNoise(this NoiseLevel level, bool orNearly) => level.Alpha <= (orNearly ? MinSignal * level.Sigma : 0);
}
