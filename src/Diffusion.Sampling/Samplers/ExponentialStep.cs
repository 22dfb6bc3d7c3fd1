using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>
/// A step of an exponential integrator (Lu et al. 2022, DPM-Solver and DPM-Solver++): exact in x, polynomial in the estimate over the half
/// log-SNR, with the noise of the reverse SDE of strength eta. With h the step in half log-SNR,
/// <code>
/// data:  x' = sigma' / sigma * exp(-eta * h) * x + alpha' * sum of w * clean       + sigma' * sqrt(1 - exp(-2 * eta * h)) * z
/// noise: x' = alpha' / alpha * x                 + (1 + eta) * sigma' * sum of w * noise + sigma' * sqrt(exp(2 * eta * h) - 1) * z
/// </code>
/// where the weights w are those of <see cref="SolverWeights"/> for <see cref="Scale"/>.
/// </summary>
/// <param name="From">The level that the step leaves, with an alpha and a sigma above 0.</param>
/// <param name="To">The level that it goes to.</param>
/// <param name="Form">Which estimate is integrated.</param>
/// <param name="Eta">The strength of the noise, 0 for none.</param>
internal readonly record struct ExponentialStep(NoiseLevel From, NoiseLevel To, SolverForm Form, double Eta = 0)
{
    /// <summary>H of the weights: (1 + eta) * h in the data form, -h in the noise form.</summary>
    public double Scale => Form == SolverForm.Data ? (1 + Eta) * Length : -Length;

    private double Length => To.HalfLogSnr - From.HalfLogSnr;

    /// <summary>The node of a level: 0 where the step starts, 1 where it ends, negative before it.</summary>
    public double NodeOf(NoiseLevel level) => level == From ? 0 : (level.HalfLogSnr - From.HalfLogSnr) / Length;

    /// <summary>The first-order step: the estimate is constant.</summary>
    /// <param name="x">The noisy images.</param>
    /// <param name="estimate">The estimate.</param>
    /// <param name="noise">Standard normal noise; null for none.</param>
    public Tensor First(Tensor x, Tensor estimate, Tensor? noise = null) => Apply(x, [SolverWeights.Moment(0, Scale)], [estimate], noise);

    /// <summary>A step from the estimates at its start and at one other node.</summary>
    /// <param name="x">The noisy images.</param>
    /// <param name="start">The estimate at the start.</param>
    /// <param name="other">The estimate at the other node.</param>
    /// <param name="node">The other node, as a fraction of the step in half log-SNR.</param>
    /// <param name="slope">The weight of the slope.</param>
    /// <param name="noise">Standard normal noise; null for none.</param>
    public Tensor Second(Tensor x, Tensor start, Tensor other, double node, SolverSlope slope, Tensor? noise = null) =>
        Apply(x, SolverWeights.Exponential([0, node], Scale, slope), [start, other], noise);

    /// <summary>A step with given weights.</summary>
    /// <param name="x">The noisy images at <see cref="From"/>.</param>
    /// <param name="weights">One weight for each estimate.</param>
    /// <param name="estimates">The estimates, of the form of the step.</param>
    /// <param name="noise">Standard normal noise; null for none.</param>
    public Tensor Apply(Tensor x, double[] weights, Tensor[] estimates, Tensor? noise = null)
    {
        bool isData = Form == SolverForm.Data;
        double kept = isData ? To.Sigma / From.Sigma * Math.Exp(-Eta * Length) : To.Alpha / From.Alpha;
        double factor = isData ? To.Alpha : (1 + Eta) * To.Sigma;
        Tensor next = x.Times(kept);
        for (int j = 0; j < weights.Length; j++)
        {
            next.Increase(estimates[j].Times(factor * weights[j]));
        }

        if (noise is not null)
        {
            double variance = isData ? -double.ExpM1(-2 * Eta * Length) : double.ExpM1(2 * Eta * Length);
            next.Increase(noise.Times(To.Sigma * Math.Sqrt(variance)));
        }

        return next;
    }
}
