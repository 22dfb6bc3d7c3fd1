namespace Diffusion.Sampling;

/// <summary>
/// Every n-th of the levels at which a consistency model was trained, from the noisiest down, then the least noisy one: N steps of a curve
/// of T levels take every floor(T / N)-th.
/// </summary>
/// <param name="Curve">The curve.</param>
/// <param name="Points">T, at least 2.</param>
internal sealed record EveryNthGrid(CurveGrid Curve, int Points) : ISamplingGrid
{
    public int? MaxSteps(INoiseSchedule schedule) => Points;

    public IEnumerable<string> Problems(INoiseSchedule schedule, int steps) =>
    [
        .. Curve.Problems(schedule, Points),
        .. steps >= 1 && steps <= Points
            ? Array.Empty<string>()
            : [$"Steps is {steps}, but must lie in 1..{Points}, the levels that the model was trained at. Use fewer."],
    ];

    // A last step from the least noisy level to itself is left out.
    public IReadOnlyList<NoiseLevel> Levels(INoiseSchedule schedule, int steps)
    {
        NoiseLevel[] trained = [.. Curve.Levels(schedule, Points).Take(Points)];
        IEnumerable<int> places = Enumerable.Range(0, steps).Select(i => i * (Points / steps));
        return [.. places.Where(place => place < Points - 1).Select(place => trained[place]), trained[^1]];
    }
}
