using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>How far off a prediction is, as a function of its difference from the target.</summary>
public interface ILossFunction
{
    /// <summary>Name and parameters in one line, as written into checkpoints.</summary>
    string Description { get; }

    /// <summary>The loss of each element, or of each image.</summary>
    /// <param name="difference">Prediction minus target, <c>[B, C, H, W]</c>.</param>
    /// <returns>
    /// The losses, <c>[B, C, H, W]</c> or <c>[B, 1, 1, 1]</c>, differentiable; they belong to the caller. The mean over an image is its
    /// loss.
    /// </returns>
    Tensor Of(Tensor difference);
}
