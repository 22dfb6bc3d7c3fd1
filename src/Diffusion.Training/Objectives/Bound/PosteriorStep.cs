namespace Diffusion.Training;

/// <summary>
/// The posterior q(x_(t-1) | x_t, x_0) of a timestep (Ho et al. 2020, equation 7), a normal distribution with the mean
/// <c>CleanFactor * x_0 + NoisyFactor * x_t</c>.
/// </summary>
/// <param name="CleanFactor">The factor of the clean image in the mean.</param>
/// <param name="NoisyFactor">The factor of the noisy image in the mean.</param>
/// <param name="LogVariance">The logarithm of the variance; at timestep 0, where that is 0, the one of timestep 1.</param>
/// <param name="LogBeta">The logarithm of beta.</param>
internal readonly record struct PosteriorStep(double CleanFactor, double NoisyFactor, double LogVariance, double LogBeta)
{
    /// <summary>The posterior of a timestep.</summary>
    /// <param name="levels">Returns the noise level of a timestep, with alpha^2 + sigma^2 = 1.</param>
    /// <param name="timestep">The timestep, from 0.</param>
    public static PosteriorStep At(Func<int, NoiseLevel> levels, int timestep) => timestep == 0
        ? Of(NoiseLevel.Clean, levels(0)) with { LogVariance = At(levels, 1).LogVariance }
        : Of(levels(timestep - 1), levels(timestep));

    /// <summary>The logarithm of a fixed variance: the posterior's, or beta, except at timestep 0.</summary>
    /// <param name="timestep">The timestep.</param>
    /// <param name="isLarge">Whether it is beta.</param>
    public double FixedLogVariance(int timestep, bool isLarge) => isLarge && timestep > 0 ? LogBeta : LogVariance;

    private static PosteriorStep Of(NoiseLevel to, NoiseLevel from)
    {
        double ratio = from.Alpha / to.Alpha;
        double variance = from.Sigma * from.Sigma;
        double beta = variance - (ratio * ratio * to.Sigma * to.Sigma);
        double remaining = to.Sigma * to.Sigma / variance;
        return new PosteriorStep(to.Alpha * beta / variance, ratio * remaining, Math.Log(beta * remaining), Math.Log(beta));
    }
}
