using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>One call of a block: forward without a graph, and recomputed with one in the backward pass.</summary>
/// <param name="block">The block.</param>
/// <param name="inputCount">How many tensors the block takes.</param>
/// <param name="drawsNow">Whether the block draws from the global generator in the current mode of its modules.</param>
/// <param name="checkpoints">The network's.</param>
internal sealed class CheckpointedCall(
    Func<IReadOnlyList<Tensor>, Tensor> block, int inputCount, Func<bool> drawsNow, GradientCheckpoints checkpoints)
{
    [ThreadStatic]
    private static bool isRunning;

    private readonly bool draws = drawsNow();
    private bool hasRun;

    /// <summary>Whether this thread runs a block without a graph that the backward pass will run again with one.</summary>
    public static bool IsRunning => isRunning;

    /// <summary>The generator's state before a block with dropout, until the graph has saved it.</summary>
    public Tensor? Generator { get; private set; }

    /// <summary>The block's output, until it is part of the graph.</summary>
    public Tensor? Output { get; private set; }

    /// <summary>Runs the block.</summary>
    /// <returns>Its output, which is part of the graph; it belongs to the caller.</returns>
    public Tensor Forward(IReadOnlyList<Tensor> inputs)
    {
        using DisposeScope scope = NewDisposeScope();
        Generator = draws ? StateOf(inputs) : null;
        using (no_grad())
        {
            isRunning = true;
            try
            {
                Output = GradientCheckpoints.Run(block, inputs);
            }
            finally
            {
                isRunning = false;
            }
        }

        return CheckpointFunction.Apply(this, inputs).MoveToOuterDisposeScope();
    }

    /// <summary>Recomputes the block and runs its backward pass.</summary>
    /// <param name="saved">What the graph saved; it is freed.</param>
    /// <param name="gradient">The gradient of the output; it stays the caller's.</param>
    /// <returns>The gradients of the inputs, null where none is needed.</returns>
    public List<Tensor> Backward(autograd.AutogradContext saved, Tensor gradient)
    {
        checkpoints.ReleaseGradients();
        try
        {
            using DisposeScope scope = NewDisposeScope();
            if (hasRun)
            {
                throw new InvalidOperationException(
                    "A second backward pass ran over one forward pass with gradient checkpointing, which frees the inputs in the first. "
                    + "Run the forward pass again, or turn gradient checkpointing off.");
            }

            if (drawsNow() != draws)
            {
                throw new InvalidOperationException(
                    "The network was switched between training and evaluation mode after a forward pass with gradient checkpointing. "
                    + "Run the backward pass before switching.");
            }

            hasRun = true;
            List<Tensor> inputs = saved.get_saved_variables();
            saved.Dispose();
            Tensor[] leaves = [.. inputs.Take(inputCount).Select(input => input.detach().requires_grad_(input.requires_grad))];
            Recompute(leaves, draws ? inputs[^1] : null, gradient);
            return checkpoints.Return([.. leaves.Select(GradientOf)]);
        }
#pragma warning disable CA1031 // An exception would pass through native code, which ends the process.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            return checkpoints.Fail(failure, inputCount);
        }
    }

    private static Tensor StateOf(IReadOnlyList<Tensor> inputs)
    {
        Device device = inputs[0].device;
        return device.type == DeviceType.CPU
            ? random.get_rng_state()
            : throw new InvalidOperationException(
                $"Gradient checkpointing with dropout needs the state of the random generator, which cannot be read on {device}. Train on "
                + "the CPU, without dropout, or without gradient checkpointing.");
    }

    // A gradient that is a slice of a larger tensor, as that of an input of cat, would keep all of the larger one in memory.
    private static Tensor? GradientOf(Tensor leaf)
    {
        Tensor? gradient = leaf.grad;
        return gradient is not null && gradient.storage_offset() > 0 ? gradient.clone() : gradient;
    }

    private void Recompute(Tensor[] inputs, Tensor? generator, Tensor gradient)
    {
        using IDisposable gradients = enable_grad();
        Tensor output;
        using (generator is null ? null : GlobalGenerator.Rewind(generator))
        {
            output = block(inputs);
        }

        autograd.backward([output], [gradient]);
    }
}
