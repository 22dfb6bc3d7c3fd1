using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>A <see cref="CheckpointedCall"/> as libtorch sees it: one operation whose backward pass recomputes a whole block.</summary>
internal sealed class CheckpointFunction : autograd.SingleTensorFunction<CheckpointFunction>
{
    public override string Name => nameof(CheckpointFunction);

    /// <summary>Adds a block's output, computed without a graph, to the graph.</summary>
    /// <param name="call">The block, with its output.</param>
    /// <param name="inputs">The block's inputs.</param>
    /// <returns>The output; it belongs to the caller.</returns>
    public static Tensor Apply(CheckpointedCall call, IReadOnlyList<Tensor> inputs)
    {
        // TorchSharp makes an empty tensor of the output's size, which the scope frees.
        using DisposeScope scope = NewDisposeScope();

        // Parameters need gradients even where no input does: the anchor is an input that always does.
        Tensor anchor = empty(1).requires_grad_();
        return apply([.. inputs, anchor, call]).MoveToOuterDisposeScope();
    }

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        CheckpointedCall call = (CheckpointedCall)vars[^1];
        ctx.save_data(nameof(CheckpointedCall), call);
        List<Tensor> saved = [.. vars[..^2].Cast<Tensor>()];
        if (call.Generator is not null)
        {
            saved.Add(call.Generator);
        }

        ctx.save_for_backward(saved);
        return call.Output!;
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using Tensor gradient = grad_output;
        return ((CheckpointedCall)ctx.get_data(nameof(CheckpointedCall))).Backward(ctx, gradient);
    }
}
