using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>The squared difference.</summary>
internal sealed class SquaredError : ILossFunction
{
    public string Description => "mse";

    public Tensor Of(Tensor difference) => difference.square();
}
