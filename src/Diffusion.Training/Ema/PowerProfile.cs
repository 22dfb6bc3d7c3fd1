namespace Diffusion.Training;

/// <summary>
/// The profile of a power-function average: the share of the weights of step s in the average at step t, (gamma + 1) s^gamma / t^(gamma +
/// 1) for s from 0 to t (Karras et al. 2024, "Analyzing and Improving the Training Dynamics of Diffusion Models", section 3.1).
/// </summary>
/// <param name="Step">t, the step of the average, above 0.</param>
/// <param name="Gamma">The exponent, at least 0.</param>
internal readonly record struct PowerProfile(double Step, double Gamma)
{
    /// <summary>The relative width of the uniform average, whose gamma is 0: the widest.</summary>
    public static double MaxSigmaRel { get; } = Math.Sqrt(1.0 / 12);

    /// <summary>Returns the exponent of a relative width.</summary>
    /// <param name="sigmaRel">The standard deviation of the profile as a fraction of the step, in (0, 12^-1/2].</param>
    public static double GammaOf(double sigmaRel)
    {
        // The largest root of a cubic. It is convex there, so Newton's method falls to the root from a start above it.
        double inverse = 1 / (sigmaRel * sigmaRel);
        double gamma = 1 / sigmaRel;
        while (true)
        {
            double value = (((((gamma + 7) * gamma) + 16 - inverse) * gamma) + 12) - inverse;
            double slope = (((3 * gamma) + 14) * gamma) + 16 - inverse;
            double next = gamma - (value / slope);
            if (next >= gamma)
            {
                return Math.Max(0, gamma);
            }

            gamma = next;
        }
    }

    /// <summary>Returns the relative width of an exponent.</summary>
    /// <param name="gamma">The exponent, at least 0.</param>
    public static double SigmaRelOf(double gamma) => Math.Sqrt((gamma + 1) / ((gamma + 2) * (gamma + 2) * (gamma + 3)));

    /// <summary>Returns the inner product of two profiles: the integral of their product.</summary>
    public double Dot(PowerProfile other)
    {
        // The ratio of steps, at most 1, has the exponent of the later profile.
        double ratio = Step < other.Step
            ? Math.Pow(Step / other.Step, other.Gamma)
            : Math.Pow(other.Step / Step, Gamma);
        return (Gamma + 1) * (other.Gamma + 1) * ratio / ((Gamma + other.Gamma + 1) * Math.Max(Step, other.Step));
    }
}
