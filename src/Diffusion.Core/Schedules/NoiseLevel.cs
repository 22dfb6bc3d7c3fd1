namespace Diffusion;

/// <summary>One level of noise: a noisy image is <c>Alpha * clean + Sigma * noise</c>.</summary>
/// <param name="Alpha">How much of the clean image is left, sqrt(alpha-bar) of the DDPM paper; from 0 to 1.</param>
/// <param name="Sigma">The standard deviation of the noise, sqrt(1 - alpha-bar); 0 is a clean image.</param>
/// <param name="Label">What the network is told about the level: the timestep for discrete schedules.</param>
public readonly record struct NoiseLevel(double Alpha, double Sigma, double Label)
{
    /// <summary>A clean image: alpha 1, sigma 0. Its label is told to no network.</summary>
    public static NoiseLevel Clean => new(1, 0, -1);

    /// <summary>log(alpha^2 / sigma^2): high for little noise, infinite for none.</summary>
    public double LogSnr => 2 * (Math.Log(Alpha) - Math.Log(Sigma));
}
