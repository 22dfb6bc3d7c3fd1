namespace Diffusion.Sampling;

/// <summary>
/// The levels of diffusers' IPNDM, with alpha^2 + sigma^2 = 1: sigma is sin(pi / 2 * (1 - k / N))^2 at step k of N, from pure noise to the
/// clean image; or a list.
/// </summary>
/// <param name="Sigmas">The list, from the noisiest down; null for none.</param>
internal sealed record SquaredSineGrid(IReadOnlyList<double>? Sigmas) : ISamplingGrid
{
    public int? Steps => Sigmas is null ? null : Sigmas.Count - 1;

    public IEnumerable<string> Problems(INoiseSchedule schedule, int steps)
    {
        if (Sigmas is null)
        {
            return GridProblems.Steps(steps);
        }

        bool descends = Sigmas.Count > 1 && Sigmas[0] <= 1 && Sigmas[^1] >= 0
            && Sigmas.Zip(Sigmas.Skip(1)).All(pair => pair.First > pair.Second);
        return !descends ? ["trained_betas must descend from at most 1 to at least 0, and have at least two numbers."]
            : steps != Steps ? [$"Steps is {steps}, but trained_betas has {Sigmas.Count} numbers, for {Steps} steps. Leave Steps null."]
            : [];
    }

    public IReadOnlyList<NoiseLevel> Levels(INoiseSchedule schedule, int steps) =>
    [
        .. (Sigmas ?? [.. Enumerable.Range(0, steps + 1).Select(k => SquaredSine(1 - ((double)k / steps)))])
            .Select(sigma => GridLevel.WithRatio(schedule, sigma / Math.Sqrt((1 - sigma) * (1 + sigma)))),
    ];

    private static double SquaredSine(double place)
    {
        double sine = Math.Sin(place * Math.PI / 2);
        return sine * sine;
    }
}
