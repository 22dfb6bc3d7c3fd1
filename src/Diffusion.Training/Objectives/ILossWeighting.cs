namespace Diffusion.Training;

/// <summary>How much the loss at one noise level counts beside that at another.</summary>
public interface ILossWeighting
{
    /// <summary>Name and parameters in one line, as written into checkpoints.</summary>
    string Description { get; }

    /// <summary>The weight of the loss at a noise level, in the space of the loss.</summary>
    /// <param name="level">The noise level.</param>
    /// <returns>A finite number, 0 or more.</returns>
    double At(NoiseLevel level);
}
