namespace Diffusion;

/// <summary>
/// A model that can train with less memory: it forgets what its layers compute on the way forward, keeps only their inputs, and computes
/// each layer once more when the backward pass needs it (Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost").
/// </summary>
public interface IGradientCheckpointing
{
    /// <summary>
    /// Whether forward passes from now on do so; false at first. On a CPU every number of the result is the same as without. A pass that
    /// needs no gradient is not affected.
    /// </summary>
    /// <remarks>
    /// Gradients come from <c>loss.backward()</c>, once per forward pass and with the weights of that pass. <c>autograd.grad</c> does not
    /// see the weights of such layers, which ends the process, or adds to their gradients.
    /// </remarks>
    bool GradientCheckpointing { get; set; }

    /// <summary>
    /// What went wrong where the last backward pass computed a layer once more, null where nothing did. libtorch cannot carry an exception
    /// through a backward pass: whoever called it hears only of an invalid gradient.
    /// </summary>
    Exception? RecomputationFailure { get; }
}
