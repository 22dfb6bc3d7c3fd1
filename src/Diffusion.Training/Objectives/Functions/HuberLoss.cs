using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>d^2 / 2 up to a threshold c, then c (|d| - c / 2).</summary>
internal sealed record HuberLoss(double Threshold) : ILossFunction
{
    public string Description => PartText.Of("huber", ("threshold", Threshold));

    public Tensor Of(Tensor difference)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor size = difference.abs();
        Tensor capped = size.Between(0, Threshold);
        return (capped * (size - capped.Times(0.5))).MoveToOuterDisposeScope();
    }
}
