using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>
/// One call of a layer with gradient checkpointing: forward without a graph, and in the backward pass once more with one.
/// </summary>
/// <param name="layer">The layer.</param>
/// <param name="joins">Whether its images come from two sides, below and across; else both of its inputs are the same images.</param>
/// <param name="recomputation">Of the network.</param>
internal sealed class CheckpointedCall(ResidualLayer layer, bool joins, Recomputation recomputation)
{
    private readonly bool draws = layer.HasDropout;
    private bool hasRun;

    /// <summary>The state of the generator before a layer with dropout, until it is kept in the graph.</summary>
    public Tensor? Generator { get; private set; }

    /// <summary>What the layer answered, until it is part of the graph.</summary>
    public Tensor? Answer { get; private set; }

    /// <summary>Runs the layer.</summary>
    /// <returns>Its answer, which is part of the graph; it belongs to the caller.</returns>
    public static Tensor Forward(ResidualLayer layer, Tensor x, Tensor? across, Tensor condition, Recomputation recomputation)
    {
        CheckpointedCall call = new(layer, across is not null, recomputation);
        using Tensor? generator = call.Generator = call.draws ? StateFor(x) : null;
        using Tensor answer = call.Answer = call.AnswerTo(x, across, condition);
        return CheckpointFunction.Apply(call, [x, across ?? x, condition]);
    }

    /// <summary>Runs the layer again, and back.</summary>
    /// <param name="kept">What was kept; it is freed.</param>
    /// <param name="gradient">The gradient of the answer; it stays the caller's.</param>
    /// <returns>Those of the inputs, null where none is needed.</returns>
    public List<Tensor> Backward(autograd.AutogradContext kept, Tensor gradient)
    {
        recomputation.Release();
        try
        {
            using DisposeScope scope = NewDisposeScope();
            if (hasRun)
            {
                throw new InvalidOperationException(
                    "A backward pass ran twice over one forward pass with gradient checkpointing, which forgets its inputs in the first. "
                    + "Run forward again, or switch GradientCheckpointing off.");
            }

            hasRun = true;
            List<Tensor> inputs = kept.get_saved_variables();
            kept.Dispose();
            List<Tensor?> gradients = joins ? Joined(inputs, gradient) : Same(inputs, gradient);
            foreach (Tensor? each in gradients)
            {
                each?.MoveToOuterDisposeScope();
            }

            return recomputation.HandOver(gradients);
        }
#pragma warning disable CA1031 // An exception would pass through native code, which ends the process.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            return recomputation.Fail(failure);
        }
    }

    private static Tensor StateFor(Tensor x) => x.device_type == DeviceType.CPU
        ? random.get_rng_state()
        : throw new InvalidOperationException(
            $"Gradient checkpointing with dropout needs the state of the random generator, which cannot be read on {x.device}. Train "
                + $"on the CPU, "
            + "without dropout, or without gradient checkpointing.");

    private static Tensor Leaf(Tensor input) => input.detach().requires_grad_(input.requires_grad);

    private Tensor AnswerTo(Tensor x, Tensor? across, Tensor condition)
    {
        using IDisposable noGradients = no_grad();
        if (across is null)
        {
            return layer.Call(x, condition);
        }

        using Tensor joined = cat([x, across], 1); // [B, below + across, H, W]
        return layer.Call(joined, condition);
    }

    // The images are two inputs, so that the graph adds up their gradients in the same order, to the last bit, as without checkpointing.
    private List<Tensor?> Same(List<Tensor> inputs, Tensor gradient)
    {
        Tensor x = Leaf(inputs[0]);
        Tensor skip = Leaf(inputs[1]);
        Tensor condition = Leaf(inputs[2]);
        RunBack(x, skip, condition, inputs, gradient);
        return [skip.grad, x.grad, condition.grad, null];
    }

    private List<Tensor?> Joined(List<Tensor> inputs, Tensor gradient)
    {
        long below = inputs[0].shape[1];
        Tensor joined;
        using (no_grad())
        {
            joined = cat([inputs[0], inputs[1]], 1); // [B, below + across, H, W]
        }

        joined.requires_grad = inputs[0].requires_grad || inputs[1].requires_grad;
        Tensor condition = Leaf(inputs[2]);
        RunBack(joined, joined, condition, inputs, gradient);
        if (joined.grad is not { } both)
        {
            return [null, null, condition.grad, null];
        }

        // Copies, as the one that goes across waits long, and a part of the joined gradient would keep all of it in memory.
        Tensor? x = inputs[0].requires_grad ? both.narrow(1, 0, below).clone() : null; // [B, below, H, W]
        Tensor? across = inputs[1].requires_grad ? both.narrow(1, below, both.shape[1] - below).clone() : null; // [B, across, H, W]
        return [x, across, condition.grad, null];
    }

    private void RunBack(Tensor x, Tensor skip, Tensor condition, List<Tensor> inputs, Tensor gradient)
    {
        if (layer.HasDropout != draws)
        {
            throw new InvalidOperationException(
                "The network was switched between training and evaluation after a forward pass with gradient checkpointing. Run backward "
                    + "before that.");
        }

        using IDisposable gradients = enable_grad();
        Tensor answer;
        if (draws)
        {
            using (GlobalGenerator.Rewind(inputs[^1]))
            {
                answer = layer.CallAgain(x, skip, condition);
            }
        }
        else
        {
            answer = layer.CallAgain(x, skip, condition);
        }

        autograd.backward([answer], [gradient]);
    }
}
