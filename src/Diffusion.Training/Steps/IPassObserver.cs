namespace Diffusion.Training;

/// <summary>Observes each micro-batch of a training pass.</summary>
internal interface IPassObserver
{
    /// <summary>Called before the forward pass.</summary>
    /// <param name="levels">The noise level of each image.</param>
    void Begin(IReadOnlyList<NoiseLevel> levels);

    /// <summary>Called between the forward and the backward pass.</summary>
    /// <param name="loss">The result of the objective, which the pass owns.</param>
    void End(ObjectiveLoss loss);
}
