namespace Diffusion.Training;

/// <summary>How much the loss at one noise level counts beside that at another.</summary>
public interface ILossWeighting
{
    /// <summary>Name and parameters in one line, saved in checkpoints.</summary>
    string Description { get; }

    /// <summary>
    /// The space whose squared error <see cref="At"/> weighs, such as <see cref="Parameterization.Sample"/> for the clean image. A loss in
    /// another space is weighed so that its square counts the same. Null, the default, for the space of the loss, whatever it is.
    /// </summary>
    IParameterization? Space => null;

    /// <summary>The weight at a noise level.</summary>
    /// <param name="level">The noise level; with a <see cref="Space"/>, one whose alpha and sigma are above 0.</param>
    /// <returns>A finite number, 0 or more.</returns>
    double At(NoiseLevel level);
}
