using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>sqrt(|d|^2 + c^2) - c of the norm of each image's difference, with c = scale * sqrt(number of elements).</summary>
internal sealed record PseudoHuberNormLoss(double Scale) : ILossFunction
{
    public string Description => PartText.Of("pseudo-huber-norm", ("scale", Scale));

    public Tensor Of(Tensor difference)
    {
        using Tensor squares = difference.Squared();
        using Tensor norms = squares.sum([1, 2, 3], keepdim: true); // [B, 1, 1, 1]
        return PseudoHuberLoss.OfSquare(norms, Scale * Math.Sqrt((double)difference.numel() / difference.shape[0]));
    }
}
