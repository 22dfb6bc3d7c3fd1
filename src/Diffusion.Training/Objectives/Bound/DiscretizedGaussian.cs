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
    private const double SeriesBelow = -20;
    private const int SeriesTerms = 9;

    /// <summary>The negative log-likelihood of each element, in nats; computed in float64 on the CPU, without a gradient.</summary>
    /// <param name="pixels">Values (p / 127.5) - 1 of pixels p.</param>
    /// <param name="mean">The mean of the distribution, in the same shape.</param>
    /// <param name="logScale">The logarithm of its standard deviation, in the same shape.</param>
    public static Tensor Nats(Tensor pixels, Tensor mean, Tensor logScale)
    {
        using IDisposable noGradients = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor Exact(Tensor tensor) => tensor.ToHost().to(ScalarType.Float64);
        (Tensor values, Tensor difference, Tensor scale) = (Exact(pixels), Exact(pixels) - Exact(mean), Exact(logScale).exp());
        Tensor infinite = zeros_like(values).Fill(double.PositiveInfinity);
        Tensor low = where(values.IsWithin(-LastOpen), infinite.neg(), difference.Plus(-HalfBin) / scale);
        Tensor high = where(values.neg().IsWithin(-LastOpen), infinite, difference.Plus(HalfBin) / scale);

        // The lower tail is the one with digits: a bin above the mean is mirrored.
        Tensor isAbove = low.Plus(high).IsWithin(0).logical_not();
        Tensor upper = LogCumulative(where(isAbove, low.neg(), high));
        Tensor lower = LogCumulative(where(isAbove, high.neg(), low));
        Tensor rest = special.expm1(lower - upper).neg(); // 1 - exp(lower - upper)
        return upper.Plus(rest.log()).neg().to(pixels.dtype).to(pixels.device).MoveToOuterDisposeScope();
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

    // log of the normal cumulative distribution; far below 0, where that underflows, by its asymptotic series
    // -x^2 / 2 - log(-x sqrt(2 pi)) + log(1 - 1 / x^2 + 3 / x^4 - 15 / x^6 + ...).
    private static Tensor LogCumulative(Tensor x)
    {
        Tensor below = special.erfc(x.Times(-Math.Sqrt(0.5))).Times(0.5).log();
        Tensor above = special.erfc(x.Times(Math.Sqrt(0.5))).Times(-0.5).log1p();
        Tensor far = x.Between(double.NegativeInfinity, SeriesBelow);
        Tensor inverse = far.Squared().reciprocal();
        Tensor series = zeros_like(x);
        for (int term = SeriesTerms; term > 0; term--)
        {
            series = inverse.Times(1 - (2 * term)) * series.Plus(1);
        }

        Tensor tail = (far.Squared().Times(-0.5) - far.neg().Times(Math.Sqrt(2 * Math.PI)).log()).Plus(series.log1p());
        return where(x.IsWithin(SeriesBelow), tail, where(x.IsWithin(0), below, above));
    }

    private static Tensor ApproximateCumulative(Tensor x) =>
        x.Plus((x * x * x).Times(0.044715)).Times(Math.Sqrt(2 / Math.PI)).tanh().Plus(1).Times(0.5);
}
