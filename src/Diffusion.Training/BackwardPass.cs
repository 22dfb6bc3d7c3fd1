using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>The backward pass of a loss.</summary>
internal static class BackwardPass
{
    /// <summary>Adds the gradients of a loss to those of the model; an error in a layer that was computed again is thrown as it was.</summary>
    public static void Run(Tensor loss, IDiffusionModel model)
    {
        try
        {
            loss.backward();
        }
        catch (ExternalException) when (model is IGradientCheckpointing { RecomputationFailure: not null })
        {
            ExceptionDispatchInfo.Throw(((IGradientCheckpointing)model).RecomputationFailure!);
        }
    }
}
