namespace Diffusion.Training;

/// <summary>How a difference in the space of one parameterization counts in that of another.</summary>
internal static class LossSpace
{
    // SNR 1e26 and 1e-26 are their limits to 13 digits.
    private const double NearlyZero = 1e-13;
    private const double NearlyInfinite = 1e10;

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

    /// <summary>
    /// The factor of the difference, at most <paramref name="max"/> in magnitude. At a clean image and at pure noise it is the limit.
    /// </summary>
    /// <param name="answer">What the network answers.</param>
    /// <param name="loss">What the loss compares.</param>
    /// <param name="level">The noise level.</param>
    /// <param name="max">The maximum, above 0; infinite for none.</param>
    /// <returns>The factor; infinite where it has no limit and there is no maximum.</returns>
    public static double LimitedFactor(IParameterization answer, IParameterization loss, NoiseLevel level, double max)
    {
        double factor = Factor(answer, loss, Near(level));
        bool isInfinite = IsEnd(level) && Math.Abs(factor) > NearlyInfinite;
        return Math.Clamp(isInfinite ? factor * double.PositiveInfinity : factor, -max, max);
    }

    /// <summary>
    /// The weight of a squared error in the space of the loss. A weight of another space is converted by the square of
    /// <see cref="Factor"/>; at a clean image and at pure noise, where that may be 0 / 0, it is the limit.
    /// </summary>
    /// <param name="weighting">The weighting.</param>
    /// <param name="loss">What the loss compares.</param>
    /// <param name="level">The noise level.</param>
    /// <returns>The weight; infinite where it has no limit.</returns>
    public static double Weight(ILossWeighting weighting, IParameterization loss, NoiseLevel level)
    {
        if (weighting.Space is not { } space)
        {
            return weighting.At(level);
        }

        NoiseLevel near = Near(level);
        double factor = Factor(loss, space, near);
        double weight = weighting.At(near) * factor * factor;
        return IsEnd(level) && weight > NearlyInfinite ? double.PositiveInfinity : weight;
    }

    /// <summary>alpha^2 / sigma^2.</summary>
    public static double Snr(NoiseLevel level)
    {
        double root = level.Alpha / level.Sigma;
        return root * root;
    }

    private static bool IsEnd(NoiseLevel level) => level.Alpha == 0 || level.Sigma == 0;

    // The level itself, or one from which the limit can be read.
    private static NoiseLevel Near(NoiseLevel level) => !IsEnd(level) ? level
        : level.Alpha == 0 ? level with { Alpha = NearlyZero * level.Sigma }
        : level with { Sigma = NearlyZero * level.Alpha };
}
