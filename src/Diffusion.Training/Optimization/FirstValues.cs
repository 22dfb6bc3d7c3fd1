using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>Remembers the parameters as they are before the first step of an optimizer.</summary>
internal static class FirstValues
{
    /// <summary>Copies the present values, unless a step has been taken.</summary>
    /// <param name="step">The number of steps taken, on the device.</param>
    /// <param name="now">The present values of each segment.</param>
    /// <param name="kept">Where they are kept.</param>
    public static void Keep(Tensor step, Tensor[] now, Tensor[] kept)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradients = no_grad();
        Tensor atStart = step.eq(zeros_like(step));
        foreach ((Tensor value, Tensor copy) in now.Zip(kept))
        {
            copy.copy_(where(atStart, value, copy));
        }
    }
}
