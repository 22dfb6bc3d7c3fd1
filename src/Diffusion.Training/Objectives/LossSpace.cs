namespace Diffusion.Training;

/// <summary>How a difference in the space of one parameterization counts in that of another.</summary>
internal static class LossSpace
{
    /// <summary>
    /// A difference of the answer changes the clean image by <see cref="Scalings.Out"/> and the noise by <see cref="Scalings.NoiseOut"/>
    /// times as much, and so what the loss compares. So no estimate has to be made: the difference is taken between the answer and its
    /// target, where it is well-conditioned.
    /// </summary>
    /// <param name="answer">What the network answers.</param>
    /// <param name="loss">What the loss compares.</param>
    /// <param name="level">The noise level.</param>
    /// <returns>The factor of the difference; not finite where the answer does not determine what is compared.</returns>
    public static double Factor(IParameterization answer, IParameterization loss, NoiseLevel level)
    {
        Scalings answered = answer.At(level);
        Scalings compared = loss.At(level);
        return (compared.TargetClean * answered.Out) + (compared.TargetNoise * answered.NoiseOut);
    }
}
