namespace Diffusion.Training;

/// <summary>How a squared error of one parameterization counts in the space of another.</summary>
internal static class LossWeight
{
    /// <summary>
    /// An error of the answer changes the clean image by <see cref="Scalings.Out"/> and the noise by <see cref="Scalings.NoiseOut"/> times
    /// as much, and so what the loss compares. So no estimate has to be made: the difference is taken between the answer and its target,
    /// where it is well-conditioned.
    /// </summary>
    /// <param name="answer">What the network answers.</param>
    /// <param name="loss">What the loss compares.</param>
    /// <param name="level">The noise level.</param>
    /// <returns>The factor of the squared error; not finite where the answer does not determine what is compared.</returns>
    public static double Of(IParameterization answer, IParameterization loss, NoiseLevel level)
    {
        Scalings answered = answer.At(level);
        Scalings compared = loss.At(level);
        double factor = (compared.TargetClean * answered.Out) + (compared.TargetNoise * answered.NoiseOut);
        return factor * factor;
    }
}
