using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>The Huber loss divided by its threshold.</summary>
internal sealed record SmoothL1Loss(double Threshold) : ILossFunction
{
    public string Description => PartText.Of("smooth-l1", ("threshold", Threshold));

    public Tensor Of(Tensor difference)
    {
        using Tensor huber = new HuberLoss(Threshold).Of(difference);
        return huber.DividedBy(Threshold);
    }
}
