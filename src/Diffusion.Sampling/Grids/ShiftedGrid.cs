namespace Diffusion.Sampling;

/// <summary>
/// Another grid with more noise, for larger images (Esser et al. 2024, section 5.3.2): the noise's fraction t = sigma / (alpha + sigma)
/// becomes s * t / (1 + (s - 1) * t), which multiplies sigma / alpha by s on every schedule. Rectified flow keeps pure noise as its first
/// level. A shift that leads beyond the noise of another schedule is refused.
/// </summary>
/// <param name="Inner">The other grid.</param>
/// <param name="Shift">s, above 0: 1 changes nothing; 3 is usual for 1024 x 1024 pixels.</param>
public sealed record ShiftedGrid(ISamplingGrid Inner, double Shift) : ISamplingGrid
{
    /// <summary>
    /// The noise's fraction of the last level before the clean image, in (0, 1): after the shift, all levels are stretched to end there. A
    /// single noisy level stays where sampling starts. Default null: no stretching.
    /// </summary>
    public double? Terminal { get; init; }

    /// <inheritdoc/>
    public int? Steps => Inner?.Steps;

    /// <inheritdoc/>
    public int? MaxSteps(INoiseSchedule schedule) => Inner?.MaxSteps(schedule);

    /// <inheritdoc/>
    public bool StartsFromNoise => Inner.StartsFromNoise;

    /// <summary>A shift of exp(mu) that depends on the size of the image, with mu linear in the number of tokens (FLUX).</summary>
    /// <param name="inner">The other grid.</param>
    /// <param name="tokens">How many tokens the transformer sees for an image.</param>
    /// <param name="minTokens">Where mu is <paramref name="minMu"/>. Default 256.</param>
    /// <param name="maxTokens">Where mu is <paramref name="maxMu"/>. Default 4096.</param>
    /// <param name="minMu">Default 0.5.</param>
    /// <param name="maxMu">Default 1.15.</param>
    public static ShiftedGrid ForTokens(ISamplingGrid inner, int tokens, int minTokens = 256, int maxTokens = 4096, double minMu = 0.5,
        double maxMu = 1.15) =>
        new(inner, Math.Exp(minMu + ((maxMu - minMu) * (tokens - minTokens) / (maxTokens - minTokens))));

    /// <inheritdoc/>
    public IEnumerable<string> Problems(INoiseSchedule schedule, int steps)
    {
        string[] problems =
        [
            .. Inner is null ? ["Inner is null. Use SamplingGrid.UsualFor."] : Inner.Problems(schedule, steps),
            .. GridProblems.Positive(Shift, nameof(Shift), 1),
            .. Terminal is null or (> 0 and < 1)
                ? Array.Empty<string>()
                : [$"Terminal is {Terminal}, but must lie between 0 and 1. Use null for none."],
        ];
        return problems.Length > 0 ? problems
            : GridProblems.Outside(schedule, Levels(schedule, steps),
                "Use a Shift of 1, or an inner grid with room for the shift, such as a KarrasGrid with MinRatio and MaxRatio.");
    }

    /// <inheritdoc/>
    public IReadOnlyList<NoiseLevel> Levels(INoiseSchedule schedule, int steps)
    {
        double[] ratios = [.. Inner.Levels(schedule, steps).Select(level => level.Ratio * Shift)];
        int last = Array.FindLastIndex(ratios, ratio => ratio > 0);
        double? stretch = last > 0 && Terminal is { } terminal ? (1 - terminal) * (1 + ratios[last]) : null;
        return
        [
            .. ratios.Select(ratio => stretch is { } factor && ratio > 0 ? Stretched(ratio, factor) : ratio)
                .Select(ratio => GridLevel.WithRatio(schedule, ratio)),
        ];
    }

    // The clean image's fraction alpha / (alpha + sigma) = 1 / (1 + ratio), times the factor that makes the last one 1 - Terminal.
    private static double Stretched(double ratio, double stretch) => ((1 + ratio) / stretch) - 1;
}
