using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>The absolute difference.</summary>
internal sealed record AbsoluteError : ILossFunction
{
    public string Description => "l1";

    public Tensor Of(Tensor difference) => difference.abs();
}
