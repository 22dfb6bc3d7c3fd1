using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>
/// The noise added while sampling: a function of the step, so that the batch size, a restart or a skipped draw changes no image.
/// </summary>
public interface IStepNoise
{
    /// <summary>Standard normal noise.</summary>
    /// <param name="step">The step, from 0.</param>
    /// <param name="draw">Which draw of the step, from 0.</param>
    /// <param name="from">The level that the step leaves.</param>
    /// <param name="to">The level that it goes to.</param>
    /// <returns><c>[B, C, H, W]</c> on the model's device; it belongs to the caller.</returns>
    Tensor Draw(int step, int draw, NoiseLevel from, NoiseLevel to);

    /// <summary>
    /// Standard normal noise of a path's first part and of the whole path: increments of one Brownian motion whose time is
    /// (sigma / alpha)^2, each divided by its standard deviation.
    /// </summary>
    /// <param name="step">The step, from 0.</param>
    /// <param name="draw">The first of the two draws of the step that it takes.</param>
    /// <param name="from">The level where the path starts.</param>
    /// <param name="middle">The level where its first part ends.</param>
    /// <param name="to">The level where it ends.</param>
    /// <returns><c>[B, C, H, W]</c> each; they belong to the caller.</returns>
    (Tensor Part, Tensor Whole) DrawPath(int step, int draw, NoiseLevel from, NoiseLevel middle, NoiseLevel to)
    {
        Tensor part = Draw(step, draw, from, middle);
        using Tensor rest = Draw(step, draw + 1, middle, to);
        double start = from.Ratio * from.Ratio;
        double share = (start - (middle.Ratio * middle.Ratio)) / (start - (to.Ratio * to.Ratio));
        using Tensor first = part.Times(Math.Sqrt(share));
        using Tensor second = rest.Times(Math.Sqrt(1 - share));
        return (part, first.Plus(second));
    }
}
