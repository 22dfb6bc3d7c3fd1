using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>The terms of the variational bound (Ho et al. 2020, equation 5), in bits per dimension.</summary>
internal static class BoundTerms
{
    /// <summary>
    /// The term of each image's timestep: at timestep 0 the negative log-likelihood of the image, else the divergence of the network's
    /// distribution from the posterior.
    /// </summary>
    /// <param name="clean">Images in [-1, 1], <c>[B, C, H, W]</c>.</param>
    /// <param name="noisy">The same with noise.</param>
    /// <param name="estimate">The network's estimate of the clean images.</param>
    /// <param name="logVariance">The logarithm of the network's variance, <c>[B, C, H, W]</c> or <c>[B, 1, 1, 1]</c>.</param>
    /// <param name="steps">The posterior of each image's timestep.</param>
    /// <param name="timesteps">The timestep of each image.</param>
    /// <param name="approximates">Whether the likelihood is that of <see cref="DiscretizedGaussian.ApproximateNats"/>.</param>
    /// <returns><c>[B]</c>; it belongs to the caller.</returns>
    public static Tensor Of(Tensor clean, Tensor noisy, Tensor estimate, Tensor logVariance, IReadOnlyList<PosteriorStep> steps,
        IReadOnlyList<int> timesteps, bool approximates)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor cleanFactor = ForwardProcess.Column(steps.Select(step => step.CleanFactor), clean);
        Tensor kept = noisy * ForwardProcess.Column(steps.Select(step => step.NoisyFactor), clean);
        Tensor mean = kept.Plus(cleanFactor * estimate);
        Tensor variance = logVariance.expand_as(mean);
        Tensor? divergence = timesteps.Any(t => t > 0)
            ? GaussianDivergence(kept.Plus(cleanFactor * clean), ForwardProcess.Column(steps.Select(step => step.LogVariance), clean), mean,
                variance)
            : null;
        Tensor? likelihood = timesteps.Any(t => t == 0)
            ? approximates
                ? DiscretizedGaussian.ApproximateNats(clean, mean, variance.Times(0.5))
                : DiscretizedGaussian.Nats(clean, mean, variance.Times(0.5))
            : null;
        Tensor isFirst = tensor(timesteps.Select(t => t == 0).ToArray()).SendTo(clean.device);
        Tensor bits = likelihood is null ? Bits(divergence!)
            : divergence is null ? Bits(likelihood)
            : where(isFirst, Bits(likelihood), Bits(divergence));
        return bits.MoveToOuterDisposeScope();
    }

    /// <summary>The divergence of pure noise from what is left of the images at the last timestep.</summary>
    /// <returns><c>[B]</c>; it belongs to the caller.</returns>
    public static Tensor Prior(Tensor clean, NoiseLevel last)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor mean = clean.Times(last.Alpha);
        Tensor zero = zeros_like(mean);
        Tensor logVariance = zeros_like(mean).Fill(2 * Math.Log(last.Sigma));
        return Bits(GaussianDivergence(mean, logVariance, zero, zero)).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The logarithm of a learned variance, between that of the posterior at -1 and that of beta at 1 (Nichol and Dhariwal 2021,
    /// equation 15).
    /// </summary>
    /// <param name="predicted">The second half of the network's channels, <c>[B, C, H, W]</c>.</param>
    /// <param name="steps">The posterior of each image's timestep.</param>
    public static Tensor LearnedLogVariance(Tensor predicted, IReadOnlyList<PosteriorStep> steps)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor fraction = predicted.Plus(1).Times(0.5);
        Tensor small = ForwardProcess.Column(steps.Select(step => step.LogVariance), predicted);
        Tensor width = ForwardProcess.Column(steps.Select(step => step.LogBeta - step.LogVariance), predicted);
        return small.Plus(fraction * width).MoveToOuterDisposeScope();
    }

    // KL(first || second) of each element in nats; by expm1, as the textbook formula loses all digits of small divergences.
    private static Tensor GaussianDivergence(Tensor firstMean, Tensor firstLogVariance, Tensor secondMean, Tensor secondLogVariance)
    {
        Tensor ratio = firstLogVariance - secondLogVariance;
        Tensor ofMeans = (firstMean - secondMean).Squared() * secondLogVariance.neg().exp();
        return (special.expm1(ratio) - ratio).Plus(ofMeans).Times(0.5);
    }

    private static Tensor Bits(Tensor nats) => nats.flatten(1).mean([1]).Times(1 / Math.Log(2)); // [B]
}
