namespace Diffusion.Sampling;

/// <summary>Recognises levels from which no step of higher order can be taken.</summary>
internal static class PureNoise
{
    // Of the usual schedules only the cosine one (Nichol and Dhariwal 2021) ends below it, with alpha / sigma = 5e-5; DDPM's ends at 6e-3.
    private const double MinSignal = 1e-3;

    /// <summary>
    /// Whether almost nothing of the image is left. A step of higher order from there to a much less noisy level multiplies the network's
    /// error by the ratio of the two sigma / alpha, a thousand and more, so such a step is of order 1.
    /// </summary>
    public static bool IsNearlyPureNoise(this NoiseLevel level) => level.Alpha <= MinSignal * level.Sigma;
}
