using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>
/// Exponential integrators in the noise form (Lu et al. 2022, DPM-Solver): exact in x, polynomial in the estimated noise over the half
/// log-SNR.
/// </summary>
internal static class ExponentialStep
{
    /// <summary>The first-order step: the noise is constant. The same as <see cref="LevelStep.Slide"/>.</summary>
    public static Tensor First(Tensor x, NoiseLevel from, NoiseLevel to, Tensor noise) => LevelStep.Slide(x, from, to, noise);

    /// <summary>A step from the estimates at its start and at an intermediate level.</summary>
    /// <param name="x">The noisy images.</param>
    /// <param name="from">Their level.</param>
    /// <param name="to">The level to go to.</param>
    /// <param name="start">The noise estimated at the start.</param>
    /// <param name="inner">The noise estimated at the intermediate level.</param>
    /// <param name="place">The intermediate level, as a fraction of the step in half log-SNR.</param>
    /// <param name="isExact">
    /// Whether the slope's moment is exact; false uses half of the zeroth moment, as the midpoint rules of DPM-Solver-2 do.
    /// </param>
    public static Tensor Second(Tensor x, NoiseLevel from, NoiseLevel to, Tensor start, Tensor inner, double place, bool isExact)
    {
        double h = -(to.HalfLogSnr - from.HalfLogSnr);
        double whole = Moment(0, h);
        double slope = (isExact ? Moment(1, h) : whole / 2) / place;
        return x.Times(to.Alpha / from.Alpha) + start.Times(to.Sigma * (whole - slope)) + inner.Times(to.Sigma * slope);
    }

    // The integral of h * exp(-h * (1 - u)) * u^k over [0, 1]; as a series where the closed form would cancel.
    private static double Moment(int k, double h)
    {
        if (Math.Abs(h) < 0.5 * (k + 1))
        {
            double term = h / (k + 1);
            double total = 0;
            for (int j = 1; j <= 60; j++)
            {
                total += term;
                term *= -h / (k + 1 + j);
            }

            return total;
        }

        double moment = -double.ExpM1(-h);
        for (int i = 1; i <= k; i++)
        {
            moment = 1 - (i / h * moment);
        }

        return moment;
    }
}
