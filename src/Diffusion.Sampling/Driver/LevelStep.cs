using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>Moves between noise levels, the building blocks of samplers. Every result is a new tensor.</summary>
public static class LevelStep
{
    /// <summary>
    /// alpha * clean + sigma * noise at another level: exact where the estimates are constant between the levels. Euler's step in any
    /// scaling, and DDIM's (Song et al. 2021, equation 12).
    /// </summary>
    /// <param name="estimate">The estimates.</param>
    /// <param name="to">The level.</param>
    public static Tensor Move(Estimate estimate, NoiseLevel to)
    {
        ArgumentNullException.ThrowIfNull(estimate);
        return to.Sigma == 0 ? estimate.Clean.Times(to.Alpha) : estimate.Clean.Times(to.Alpha).Plus(estimate.Noise.Times(to.Sigma));
    }

    /// <summary>
    /// A straight line in x / alpha over sigma / alpha, with a given noise as its slope (Karras et al. 2022, algorithm 1).
    /// </summary>
    /// <param name="x">The noisy images.</param>
    /// <param name="from">Their level, with an alpha above 0.</param>
    /// <param name="to">The level to go to.</param>
    /// <param name="noise">The slope.</param>
    public static Tensor Slide(Tensor x, NoiseLevel from, NoiseLevel to, Tensor noise)
    {
        double alphaRatio = to.Alpha / from.Alpha;
        return x.Times(alphaRatio).Plus(noise.Times(to.Sigma - (alphaRatio * from.Sigma)));
    }

    /// <summary>A straight line in the schedule's own scaling: over alpha and sigma themselves.</summary>
    /// <param name="x">The noisy images.</param>
    /// <param name="from">Their level.</param>
    /// <param name="to">The level to go to.</param>
    /// <param name="clean">The slope over alpha.</param>
    /// <param name="noise">The slope over sigma.</param>
    public static Tensor Chord(Tensor x, NoiseLevel from, NoiseLevel to, Tensor clean, Tensor noise)
    {
        ArgumentNullException.ThrowIfNull(x);
        return x.Plus(clean.Times(to.Alpha - from.Alpha)).Plus(noise.Times(to.Sigma - from.Sigma));
    }

    /// <summary>Adds noise to go to a noisier level.</summary>
    /// <param name="x">The noisy images.</param>
    /// <param name="from">Their level, with an alpha above 0.</param>
    /// <param name="to">A noisier level.</param>
    /// <param name="unit">Standard normal noise.</param>
    public static Tensor Up(Tensor x, NoiseLevel from, NoiseLevel to, Tensor unit)
    {
        double alphaRatio = to.Alpha / from.Alpha;
        double before = alphaRatio * from.Sigma;
        return x.Times(alphaRatio).Plus(unit.Times(Math.Sqrt(Math.Max((to.Sigma * to.Sigma) - (before * before), 0))));
    }

    /// <summary>
    /// Splits a level into a less noisy one, the target of a deterministic step, and the noise that is then added; with eta 1 as much as
    /// DDPM's posterior (Song et al. 2021, equation 16).
    /// </summary>
    /// <param name="from">The level that the step leaves.</param>
    /// <param name="to">The level that it ends at.</param>
    /// <param name="eta">0 for no noise, 1 for as much as DDPM.</param>
    /// <returns>The less noisy level, with the alpha of <paramref name="to"/>, and the standard deviation of the noise.</returns>
    public static (NoiseLevel Down, double Added) Split(NoiseLevel from, NoiseLevel to, double eta)
    {
        if (eta == 0 || to.Sigma == 0)
        {
            return (to, 0);
        }

        double h = to.HalfLogSnr - from.HalfLogSnr;
        double added = Math.Min(to.Sigma, eta * to.Sigma * Math.Sqrt(Math.Max(-double.ExpM1(-2 * h), 0)));
        return (to with { Sigma = Math.Sqrt(Math.Max((to.Sigma * to.Sigma) - (added * added), 0)) }, added);
    }

    /// <summary>As <see cref="Split"/>, but the less noisy level does not lie below the last one of the grid.</summary>
    internal static (NoiseLevel Down, double Added) SplitAbove(NoiseLevel from, NoiseLevel to, double eta, NoiseLevel end)
    {
        (NoiseLevel down, double added) = Split(from, to, eta);
        if (added == 0 || down.Ratio >= end.Ratio)
        {
            return (down, added);
        }

        down = to with { Sigma = to.Alpha * end.Ratio };
        return (down, Math.Sqrt(Math.Max((to.Sigma * to.Sigma) - (down.Sigma * down.Sigma), 0)));
    }

    /// <summary>A weighted sum.</summary>
    internal static Tensor Mix(double[] weights, Tensor[] values)
    {
        Tensor sum = values[0].Times(weights[0]);
        for (int j = 1; j < weights.Length; j++)
        {
            sum.Increase(values[j].Times(weights[j]));
        }

        return sum;
    }
}
