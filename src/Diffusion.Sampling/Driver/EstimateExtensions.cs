using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>Changes estimates.</summary>
internal static class EstimateExtensions
{
    /// <summary>
    /// An estimate with another clean image and the noise that follows, so that x = alpha * clean + sigma * noise still holds.
    /// </summary>
    /// <param name="estimate">The estimate, whose variance is kept.</param>
    /// <param name="clean">The other clean images, <c>[B, C, H, W]</c>.</param>
    /// <param name="noisy">The noisy images x.</param>
    /// <param name="level">Their noise level.</param>
    /// <returns>A new estimate; it belongs to the caller.</returns>
    public static Estimate WithClean(this Estimate estimate, Tensor clean, Tensor noisy, NoiseLevel level)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor noise = (noisy - clean.Times(level.Alpha)).DividedBy(level.Sigma);
        return new Estimate(clean.alias(), noise) { Variance = estimate.Variance?.alias() }.MovedToOuterScope();
    }

    /// <summary>Moves the tensors of an estimate out of the current dispose scope.</summary>
    /// <param name="estimate">The estimate.</param>
    /// <returns>The same estimate.</returns>
    public static Estimate MovedToOuterScope(this Estimate estimate)
    {
        estimate.Clean.MoveToOuterDisposeScope();
        estimate.Noise.MoveToOuterDisposeScope();
        estimate.Variance?.MoveToOuterDisposeScope();
        return estimate;
    }
}
