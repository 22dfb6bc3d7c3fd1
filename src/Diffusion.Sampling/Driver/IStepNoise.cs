using TorchSharp;

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
    torch.Tensor Draw(int step, int draw, NoiseLevel from, NoiseLevel to);
}
