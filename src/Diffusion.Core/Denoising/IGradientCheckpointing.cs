namespace Diffusion;

/// <summary>
/// A model that can train with less memory: its blocks keep only their inputs, and are recomputed in the backward pass (Chen et al. 2016,
/// "Training Deep Nets with Sublinear Memory Cost"). <see cref="GradientCheckpoints"/> does this for any block.
/// </summary>
public interface IGradientCheckpointing
{
    /// <summary>
    /// The blocks that later forward passes recompute; none by default. On a CPU every number of the result is the same whichever they
    /// are. A pass that needs no gradient is not affected.
    /// </summary>
    /// <remarks>
    /// Gradients must come from <c>loss.backward()</c>, once per forward pass and with the weights of that pass. <c>autograd.grad</c> does
    /// not see the weights of checkpointed blocks: it ends the process, or adds to the gradients of these weights.
    /// </remarks>
    /// <exception cref="ArgumentException">
    /// The network cannot recompute these blocks alone (<see cref="CanRecompute"/>), or the value is <c>Fit</c>.
    /// </exception>
    GradientCheckpointing GradientCheckpointing { get; set; }

    /// <summary>The error that ended the last backward pass in a recomputed block; null when there was none.</summary>
    /// <remarks>libtorch throws its own error, of an invalid gradient, as it cannot pass on an exception.</remarks>
    Exception? RecomputationFailure { get; }

    /// <summary>
    /// Whether the network can recompute just these blocks. By default it can recompute all of its blocks or none.
    /// </summary>
    /// <param name="blocks">The blocks.</param>
    bool CanRecompute(GradientCheckpointing blocks) => blocks is GradientCheckpointing.None or GradientCheckpointing.All;
}
