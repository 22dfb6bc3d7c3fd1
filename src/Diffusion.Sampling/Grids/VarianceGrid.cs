namespace Diffusion.Sampling;

/// <summary>
/// The variance-preserving curve of score models (Song et al. 2021b, appendix C; k-diffusion's <c>get_sigmas_vp</c>), then the clean image:
/// sigma / alpha = sqrt(exp(BetaRange * t^2 / 2 + BetaMin * t) - 1) at evenly spaced t from 1 to <see cref="LastTime"/>. It suits schedules
/// of linear betas; one that goes beyond the noise of the model's schedule is refused.
/// </summary>
/// <param name="BetaRange">beta_max - beta_min of the continuous schedule, above 0. Default 19.9.</param>
/// <param name="BetaMin">beta_min, above 0. Default 0.1.</param>
public sealed record VarianceGrid(double BetaRange = 19.9, double BetaMin = 0.1) : ISamplingGrid
{
    /// <summary>The last t before the clean image, in (0, 1). Default 0.001.</summary>
    public double LastTime { get; init; } = 1e-3;

    /// <inheritdoc/>
    public IEnumerable<string> Problems(INoiseSchedule schedule, int steps)
    {
        string[] problems =
        [
            .. GridProblems.Steps(steps), .. GridProblems.Positive(BetaRange, nameof(BetaRange), 19.9),
            .. GridProblems.Positive(BetaMin, nameof(BetaMin), 0.1),
            .. LastTime is > 0 and < 1 ? Array.Empty<string>() : [$"LastTime is {LastTime}, but must lie between 0 and 1. Use 0.001."],
        ];
        return problems.Length > 0 ? problems
            : GridProblems.Outside(schedule, Levels(schedule, steps), "Use the betas that the model was trained with, or a KarrasGrid.");
    }

    /// <inheritdoc/>
    public IReadOnlyList<NoiseLevel> Levels(INoiseSchedule schedule, int steps)
    {
        ArgumentNullException.ThrowIfNull(schedule);
        return
        [
            .. Enumerable.Range(0, steps)
                .Select(i => steps == 1 ? 1 : 1 + (i * (LastTime - 1) / (steps - 1)))
                .Select(t => GridLevel.WithRatio(schedule, Math.Sqrt(double.ExpM1((BetaRange * t * t / 2) + (BetaMin * t))))),
            NoiseLevel.Clean,
        ];
    }
}
