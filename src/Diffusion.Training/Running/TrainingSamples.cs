using TorchSharp;

namespace Diffusion.Training;

/// <summary>The images that a run has sampled at a step: those of all of its processes.</summary>
public sealed class TrainingSamples
{
    private readonly Action<torch.Tensor> check;

    /// <param name="step">The number of optimizer steps taken.</param>
    /// <param name="images">The images, which the caller frees after the use.</param>
    /// <param name="check">Compares images with the data.</param>
    internal TrainingSamples(long step, torch.Tensor images, Action<torch.Tensor> check) =>
        (Step, Images, this.check) = (step, images, check);

    /// <summary>The number of optimizer steps taken.</summary>
    public long Step { get; }

    /// <summary>
    /// float32 <c>[N, C, H, W]</c> on the CPU, in the order of the request. They belong to the run, which frees them after the call: clone
    /// what you keep.
    /// </summary>
    public torch.Tensor Images { get; }

    /// <summary>Compares the images with the data, as <see cref="TrainingPreview.Check"/> does.</summary>
    /// <exception cref="ArgumentException">The images and the data have different numbers of channels.</exception>
    public void Check() => check(Images);
}
