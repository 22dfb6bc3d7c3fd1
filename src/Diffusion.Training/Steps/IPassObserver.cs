namespace Diffusion.Training;

/// <summary>Looks at each micro-batch of a training pass.</summary>
internal interface IPassObserver
{
    /// <summary>Called before the forward pass: a copy to the device waits for what is under way.</summary>
    /// <param name="levels">The noise level of each image.</param>
    void Begin(IReadOnlyList<NoiseLevel> levels);

    /// <summary>Called between the forward and the backward pass.</summary>
    /// <param name="loss">What the objective made; it stays the pass's.</param>
    void End(ObjectiveLoss loss);
}
