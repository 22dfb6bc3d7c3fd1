namespace Diffusion.Sampling;

/// <summary>
/// The last part of another grid, for image to image (Meng et al. 2022, SDEdit): <see cref="SampleRequest.StartImages"/> get the noise of
/// its first level.
/// </summary>
/// <param name="Inner">The other grid.</param>
/// <param name="Strength">
/// The fraction of the steps that is taken, in [0, 1], rounded down but at least one step above 0. 1 is the whole grid from noise alone,
/// which keeps nothing of the images; 0 takes no step, which returns them as they are.
/// </param>
public sealed record StrengthGrid(ISamplingGrid Inner, double Strength) : ISamplingGrid
{
    /// <inheritdoc/>
    public int? Steps => Inner?.Steps;

    /// <inheritdoc/>
    public int? MaxSteps(INoiseSchedule schedule) => Inner?.MaxSteps(schedule);

    /// <inheritdoc/>
    public bool StartsFromNoise => Strength == 1
        && Inner is not (ReversedGrid or StrengthGrid { StartsFromNoise: false } or DistilledGrid { StartsFromNoise: false });

    /// <inheritdoc/>
    public IEnumerable<string> Problems(INoiseSchedule schedule, int steps) =>
    [
        .. Inner is null ? ["Inner is null. Use SamplingGrid.UsualFor."] : Inner.Problems(schedule, steps),
        .. Strength is >= 0 and <= 1 ? Array.Empty<string>() : [$"Strength is {Strength}, but must lie in [0, 1]. Use 0.8."],
    ];

    /// <inheritdoc/>
    public IReadOnlyList<NoiseLevel> Levels(INoiseSchedule schedule, int steps)
    {
        IReadOnlyList<NoiseLevel> levels = Inner.Levels(schedule, steps);
        int taken = Strength == 0 ? 0 : Math.Max((int)(Strength * (levels.Count - 1)), 1);
        return [.. levels.Skip(levels.Count - 1 - taken)];
    }
}
