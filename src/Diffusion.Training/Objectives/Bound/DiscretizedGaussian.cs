using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// The likelihood of 8-bit pixels in [-1, 1] under a normal distribution: the probability of the bin of each pixel, of which the first and
/// the last are open (Ho et al. 2020, equation 13).
/// </summary>
internal static class DiscretizedGaussian
{
    private const double HalfBin = 1.0 / 255;
    private const double LastOpen = 0.999;

    /// <summary>The negative log-likelihood of each element, in nats.</summary>
    /// <param name="pixels">Values (p / 127.5) - 1 of pixels p.</param>
    /// <param name="mean">The mean of the distribution, in the same shape.</param>
    /// <param name="logScale">The logarithm of its standard deviation, in the same shape.</param>
    public static Tensor Nats(Tensor pixels, Tensor mean, Tensor logScale)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor scale = logScale.exp();
        Tensor difference = pixels - mean;
        Tensor infinite = zeros_like(pixels).Fill(double.PositiveInfinity);
        Tensor low = where(pixels.IsWithin(-LastOpen), infinite.neg(), difference.Plus(-HalfBin) / scale);
        Tensor high = where(pixels.neg().IsWithin(-LastOpen), infinite, difference.Plus(HalfBin) / scale);

        // The lower tail is the one with digits: a bin above the mean is mirrored.
        Tensor isAbove = (low + high).IsWithin(0).logical_not();
        Tensor upper = LogCumulative(where(isAbove, low.neg(), high));
        Tensor lower = LogCumulative(where(isAbove, high.neg(), low));
        Tensor rest = special.expm1(lower - upper).neg(); // 1 - exp(lower - upper)
        return (upper + rest.log()).neg().MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The same with the tanh approximation of the cumulative distribution and a floor of 1e-12 of each probability, as in the programs
    /// behind the published figures, whose gradient is finite everywhere.
    /// </summary>
    /// <inheritdoc cref="Nats"/>
    public static Tensor ApproximateNats(Tensor pixels, Tensor mean, Tensor logScale)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor scale = logScale.neg().exp();
        Tensor difference = pixels - mean;
        Tensor high = ApproximateCumulative(difference.Plus(HalfBin) * scale);
        Tensor low = ApproximateCumulative(difference.Plus(-HalfBin) * scale);
        Tensor inside = where(
            pixels.neg().IsWithin(-LastOpen), low.neg().Plus(1), where(pixels.IsWithin(-LastOpen), high, high - low));
        return inside.AtLeast(1e-12).log().neg().MoveToOuterDisposeScope();
    }

    // log of the normal cumulative distribution: below 0 by the scaled complementary error function, which does not underflow.
    private static Tensor LogCumulative(Tensor x)
    {
        Tensor root = x.Times(Math.Sqrt(0.5));
        Tensor below = root.Between(double.NegativeInfinity, 0);
        Tensor tail = special.erfcx(below.neg()).Times(0.5).log() - below.square();
        Tensor above = special.erfc(root).Times(-0.5).log1p();
        return where(x.IsWithin(0), tail, above);
    }

    private static Tensor ApproximateCumulative(Tensor x) =>
        (x + (x * x * x).Times(0.044715)).Times(Math.Sqrt(2 / Math.PI)).tanh().Plus(1).Times(0.5);
}
