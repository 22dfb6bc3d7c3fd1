using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>An identity operation that is notified when the backward pass reaches it.</summary>
internal sealed class BackwardMark : autograd.SingleTensorFunction<BackwardMark>
{
    public override string Name => nameof(BackwardMark);

    /// <summary>Marks a tensor.</summary>
    /// <param name="input">The tensor.</param>
    /// <param name="passed">
    /// Receives the gradient of the result, which it owns, after the gradients of everything that was computed from the result. libtorch
    /// calls it, so it must not throw.
    /// </param>
    /// <returns>The same values; the caller disposes them.</returns>
    public static Tensor Apply(Tensor input, Action<Tensor> passed)
    {
        using DisposeScope scope = NewDisposeScope();
        return apply(input, passed).MoveToOuterDisposeScope();
    }

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        ctx.save_data(nameof(BackwardMark), vars[1]);
        return ((Tensor)vars[0]).alias();
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        ((Action<Tensor>)ctx.get_data(nameof(BackwardMark)))(grad_output);
        return [grad_output, null!]; // the action has no gradient
    }
}
