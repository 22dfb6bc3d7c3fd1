namespace Diffusion;

/// <summary>
/// A discrete variance-preserving schedule made of betas (Ho et al. 2020, equation 2): alpha-bar[t] is the product of 1 - beta[0..t].
/// </summary>
public sealed class BetaSchedule : INoiseSchedule
{
    private readonly double[] betas;
    private readonly NoiseLevel[] levels;

    /// <summary>A schedule of given betas.</summary>
    /// <param name="betas">The variance added at each timestep, each in (0, 1); 250 to 4000 of them.</param>
    /// <param name="description">Name and parameters in one line.</param>
    /// <exception cref="ArgumentOutOfRangeException">The number of timesteps is outside 250..4000.</exception>
    /// <exception cref="ArgumentException">A beta is outside (0, 1).</exception>
    public BetaSchedule(IReadOnlyList<double> betas, string description)
    {
        ArgumentNullException.ThrowIfNull(betas);
        ArgumentNullException.ThrowIfNull(description);
        NoiseSchedule.CheckTimesteps(betas.Count);
        this.betas = [.. betas];
        levels = new NoiseLevel[betas.Count];
        Description = description;

        double alphaBar = 1;
        for (int t = 0; t < levels.Length; t++)
        {
            if (betas[t] is not (> 0 and < 1))
            {
                throw new ArgumentException($"Beta {t} is {betas[t]}; a beta lies in (0, 1). Lower the end of the schedule.", nameof(betas));
            }

            alphaBar *= 1 - betas[t];
            levels[t] = new NoiseLevel(Math.Sqrt(alphaBar), Math.Sqrt(1 - alphaBar), t);
        }
    }

    /// <inheritdoc/>
    public int Timesteps => levels.Length;

    /// <summary>The variance added at each timestep.</summary>
    public IReadOnlyList<double> Betas => betas;

    /// <inheritdoc/>
    public string Description { get; }

    /// <summary>The curve that the betas follow; null for betas of any other kind.</summary>
    internal BetaFormula? Formula { get; init; }

    /// <inheritdoc/>
    public NoiseLevel this[int timestep] =>
        (uint)timestep < (uint)levels.Length
            ? levels[timestep]
            : throw new ArgumentOutOfRangeException(
                nameof(timestep), timestep, $"A timestep of this schedule lies in [0, {levels.Length - 1}], 0 and {levels.Length - 1} included.");

    /// <inheritdoc/>
    public override string ToString() => Description;
}
