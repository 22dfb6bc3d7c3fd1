using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>A <see cref="CheckpointedCall"/> as libtorch sees it: one operation, whose backward pass computes a whole layer.</summary>
internal sealed class CheckpointFunction : autograd.SingleTensorFunction<CheckpointFunction>
{
    /// <summary>How many tensors it is given: images, more images, the condition, the anchor. They need gradients.</summary>
    public const int Inputs = 4;

    public override string Name => nameof(CheckpointFunction);

    /// <summary>Makes a layer's answer, computed without a graph, part of the graph.</summary>
    /// <param name="call">The layer, with its answer.</param>
    /// <param name="inputs">Its images, more images, and the condition.</param>
    /// <returns>The answer; it belongs to the caller.</returns>
    public static Tensor Apply(CheckpointedCall call, Tensor[] inputs)
    {
        // TorchSharp makes an empty tensor of the answer's size, which the scope frees.
        using DisposeScope scope = NewDisposeScope();

        // Parameters need gradients even where no input does: the anchor is an input that always does.
        Tensor anchor = empty(1).requires_grad_();
        return apply(inputs[0], inputs[1], inputs[2], anchor, call).MoveToOuterDisposeScope();
    }

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        CheckpointedCall call = (CheckpointedCall)vars[Inputs];
        ctx.save_data(nameof(CheckpointedCall), call);
        List<Tensor> kept = [(Tensor)vars[0], (Tensor)vars[1], (Tensor)vars[2]];
        if (call.Generator is not null)
        {
            kept.Add(call.Generator);
        }

        ctx.save_for_backward(kept);
        return call.Answer!;
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using Tensor gradient = grad_output;
        return ((CheckpointedCall)ctx.get_data(nameof(CheckpointedCall))).Backward(ctx, gradient);
    }
}
