using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>Forward and back through a model.</summary>
/// <param name="model">The model.</param>
/// <param name="seeds">The stream of the run.</param>
internal sealed class GradientPass(IDiffusionModel model, SeedStream seeds)
{
    /// <summary>
    /// Adds the gradients of a loss to those of the model; an error in a layer that was computed again is thrown as it was.
    /// </summary>
    /// <param name="first">Position in the run of the first image of the micro-batch, which seeds what the model draws.</param>
    /// <param name="loss">Makes the loss <c>[]</c>.</param>
    /// <returns>The loss, without its graph.</returns>
    public Tensor Run(long first, Func<Tensor> loss)
    {
        if (!model.HasDropout)
        {
            return Backward();
        }

        // Dropout draws from the process's one generator: seeded for each micro-batch, and held meanwhile.
        using (GlobalGenerator.Hold(seeds.Derive(RandomPurpose.Dropout, first)))
        {
            return Backward();
        }

        Tensor Backward()
        {
            Tensor made = loss();
            try
            {
                made.backward();
            }
            catch (ExternalException) when (model is IGradientCheckpointing { RecomputationFailure: not null })
            {
                ExceptionDispatchInfo.Throw(((IGradientCheckpointing)model).RecomputationFailure!);
            }

            return made.detach();
        }
    }
}
