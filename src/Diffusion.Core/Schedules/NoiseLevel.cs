namespace Diffusion;

/// <summary>One level of noise: a noisy image is <c>Alpha * clean + Sigma * noise</c>.</summary>
/// <remarks>
/// Variance-preserving schedules have alpha^2 + sigma^2 = 1, EDM's alpha = 1, rectified flow alpha + sigma = 1. Only <see cref="Ratio"/>
/// matters to the network: these scalings differ by a factor on the noisy image.
/// </remarks>
/// <param name="Alpha">How much of the clean image is left, sqrt(alpha-bar) of the DDPM paper; from 0 to 1.</param>
/// <param name="Sigma">The standard deviation of the noise; 0 is a clean image.</param>
/// <param name="Time">The schedule's own time: the timestep of discrete schedules, sigma of EDM's, t of rectified flow.</param>
/// <param name="Label">The label of the level that the network receives, unless its parameterization defines another.</param>
public readonly record struct NoiseLevel(double Alpha, double Sigma, double Time, double Label)
{
    /// <summary>A level whose label is its time.</summary>
    /// <inheritdoc cref="NoiseLevel(double, double, double, double)" path="/param"/>
    public NoiseLevel(double Alpha, double Sigma, double Time)
        : this(Alpha, Sigma, Time, Time)
    {
    }

    /// <summary>A clean image: alpha 1, sigma 0. No network receives its time or its label.</summary>
    public static NoiseLevel Clean => new(1, 0, -1);

    /// <summary>log(alpha^2 / sigma^2): high for little noise, infinite for none.</summary>
    public double LogSnr => 2 * HalfLogSnr;

    /// <summary>
    /// log(alpha / sigma), the variable in which the solvers of DPM-Solver step (Lu et al. 2022): infinite for a clean image.
    /// </summary>
    public double HalfLogSnr => Math.Log(Alpha) - Math.Log(Sigma);

    /// <summary>sigma / alpha, the sigma of EDM (Karras et al. 2022): 0 for a clean image, infinite for pure noise.</summary>
    public double Ratio => Sigma / Alpha;
}
