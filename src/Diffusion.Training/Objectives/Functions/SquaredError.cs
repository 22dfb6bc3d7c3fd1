using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>The squared difference.</summary>
internal sealed record SquaredError : ILossFunction
{
    public string Description => "mse";

    public Tensor Of(Tensor difference) => difference.Squared();
}
