using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>sqrt(d^2 + c^2) - c for each element.</summary>
internal sealed record PseudoHuberLoss(double Threshold) : ILossFunction
{
    public string Description => PartText.Of("pseudo-huber", ("threshold", Threshold));

    public Tensor Of(Tensor difference)
    {
        using Tensor square = difference.Squared();
        return OfSquare(square, Threshold);
    }

    /// <summary>sqrt(s + c^2) - c, in a form that keeps its digits where s is small.</summary>
    public static Tensor OfSquare(Tensor square, double threshold)
    {
        using DisposeScope scope = NewDisposeScope();
        return (square / square.Plus(threshold * threshold).sqrt().Plus(threshold)).MoveToOuterDisposeScope();
    }
}
