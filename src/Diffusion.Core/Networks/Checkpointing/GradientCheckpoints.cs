using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>
/// Gradient checkpointing for the blocks of one network: a block called through <see cref="Call"/> keeps only its inputs and is
/// recomputed in the backward pass (Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost").
/// </summary>
/// <remarks>
/// A network holds one instance, calls its blocks through it, and implements <see cref="IGradientCheckpointing"/> with
/// <see cref="Blocks"/> and <see cref="Failure"/>. One pass, forward and backward, runs at a time.
/// </remarks>
/// <example><c>h = checkpoints.Call(x => block.call(x[0]), [h], [block]);</c></example>
public sealed class GradientCheckpoints : IDisposable
{
    private static readonly IReadOnlySet<nn.Module> Nothing = new HashSet<nn.Module>();

    private GradientCheckpointing blocks;
    private IReadOnlySet<nn.Module> chosen = Nothing;
    private List<Tensor?> returned = [];

    /// <summary>The blocks that keep only their inputs in calls from now on; none by default.</summary>
    /// <exception cref="ArgumentException">The value is <see cref="GradientCheckpointing.Fit"/>, or none of the known ones.</exception>
    public GradientCheckpointing Blocks
    {
        get => blocks;
        set
        {
            blocks = value is GradientCheckpointing.None or GradientCheckpointing.Attention or GradientCheckpointing.All
                ? value
                : throw new ArgumentException(
                    $"The blocks are {value}, but must be None, Attention or All: only a run can choose those that fit its memory. Set "
                    + "TrainingOptions.GradientCheckpointing.",
                    nameof(value));
            chosen = Nothing;
        }
    }

    /// <summary>The error that ended the last backward pass in a recomputed block; null when there was none.</summary>
    /// <remarks>libtorch throws its own error, of an invalid gradient, as it cannot pass on an exception.</remarks>
    public Exception? Failure { get; private set; }

    /// <summary>Runs a block.</summary>
    /// <remarks>
    /// On a CPU the gradients equal those without checkpointing bit for bit, provided that the block uses each input once; pass a tensor
    /// that it uses twice as two inputs. Gradients must come from <c>loss.backward()</c>, once per forward pass and with the weights of
    /// that pass: <c>autograd.grad</c> does not see the block's parameters. Hooks on modules run again in the backward pass, and so do
    /// side effects, such as the update of the running statistics of a batch normalization.
    /// </remarks>
    /// <param name="block">
    /// Computes one new tensor from its inputs and the parameters of <paramref name="modules"/>; the same output for the same inputs. It
    /// runs again in the backward pass, and must not modify its inputs.
    /// </param>
    /// <param name="inputs">The tensors that the block takes, at least one; they stay the caller's.</param>
    /// <param name="modules">The modules whose parameters the block uses.</param>
    /// <param name="hasDropout">
    /// Whether the block draws from the <see cref="GlobalGenerator"/> while a module is in training mode; it then runs on the CPU only.
    /// </param>
    /// <param name="hasAttention">Whether it is one of the blocks of <see cref="GradientCheckpointing.Attention"/>.</param>
    /// <returns>The block's output; it belongs to the caller. Other tensors that the block creates are freed.</returns>
    /// <exception cref="ArgumentException">There is no input.</exception>
    /// <exception cref="InvalidOperationException">
    /// The block returned one of its inputs, or trains with dropout on a device other than the CPU.
    /// </exception>
    public Tensor Call(
        Func<IReadOnlyList<Tensor>, Tensor> block, IReadOnlyList<Tensor> inputs, IReadOnlyList<nn.Module> modules, bool hasDropout = false,
        bool hasAttention = false)
    {
        ArgumentNullException.ThrowIfNull(block);
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(modules);
        if (inputs.Count == 0)
        {
            throw new ArgumentException("The block has 0 inputs, but needs at least 1. Pass the tensors that it takes.", nameof(inputs));
        }

        if (Recomputes(modules, hasAttention) && is_grad_enabled() && NeedsGradient(inputs, modules))
        {
            Failure = null;
            ReleaseGradients();
            return new CheckpointedCall(block, inputs.Count, () => hasDropout && modules.Any(module => module.training), this)
                .Forward(inputs);
        }

        using DisposeScope scope = NewDisposeScope();
        return Run(block, inputs).MoveToOuterDisposeScope();
    }

    /// <summary>Frees the gradients that the last backward pass left.</summary>
    public void Dispose() => ReleaseGradients();

    /// <summary>Recomputes the blocks whose first module is one of these.</summary>
    internal void Choose(IEnumerable<nn.Module> firstModules)
    {
        chosen = firstModules.ToHashSet<nn.Module>(ReferenceEqualityComparer.Instance);
        blocks = GradientCheckpointing.Fit;
    }

    /// <summary>Runs a block and checks its output.</summary>
    /// <exception cref="InvalidOperationException">The block returned one of its inputs.</exception>
    internal static Tensor Run(Func<IReadOnlyList<Tensor>, Tensor> block, IReadOnlyList<Tensor> inputs)
    {
        Tensor output = block(inputs);
        return !inputs.Any(input => ReferenceEquals(input, output))
            ? output
            : throw new InvalidOperationException(
                "The block returned one of its inputs, but gradient checkpointing needs a new tensor. Return a clone() of the input.");
    }

    /// <summary>Returns gradients to libtorch, which holds its own references to them by the time the next block runs.</summary>
    internal List<Tensor> Return(List<Tensor?> gradients)
    {
        foreach (Tensor? gradient in gradients)
        {
            gradient?.MoveToOuterDisposeScope();
        }

        ReleaseGradients();
        returned = gradients;
        List<Tensor?> all = [.. gradients, null, null]; // the anchor and the call have none
        return all!;
    }

    /// <summary>
    /// Ends the backward pass with an error: libtorch refuses a number as the gradient of the anchor. An exception would end the process.
    /// </summary>
    internal List<Tensor> Fail(Exception failure, int inputCount)
    {
        Failure ??= failure;
        ReleaseGradients();
        Tensor refused = zeros([]);
        returned = [refused];
        return [.. Enumerable.Repeat(refused, inputCount + 1), null!];
    }

    /// <summary>Frees the gradients of the last block: otherwise those of all blocks would be in memory together.</summary>
    internal void ReleaseGradients()
    {
        foreach (Tensor? gradient in returned)
        {
            gradient?.Dispose();
        }

        returned = [];
    }

    private static bool NeedsGradient(IReadOnlyList<Tensor> inputs, IReadOnlyList<nn.Module> modules) =>
        inputs.Any(input => input.requires_grad)
        || modules.Any(module => module.parameters().Any(parameter => parameter.requires_grad));

    private bool Recomputes(IReadOnlyList<nn.Module> modules, bool hasAttention) => blocks switch
    {
        GradientCheckpointing.All => true,
        GradientCheckpointing.Attention => hasAttention,
        GradientCheckpointing.Fit => modules.Count > 0 && chosen.Contains(modules[0]),
        _ => false,
    };
}
