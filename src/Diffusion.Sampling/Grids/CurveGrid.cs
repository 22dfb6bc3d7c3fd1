namespace Diffusion.Sampling;

/// <summary>
/// Levels that follow a curve between two noise levels, then the clean image. It suits every schedule: a level may lie between timesteps.
/// </summary>
public abstract record CurveGrid : ISamplingGrid
{
    /// <summary>
    /// The last sigma / alpha before the clean image. Default null: that of the schedule's first time. Below it, the network was not
    /// trained; some published models are sampled there.
    /// </summary>
    public double? MinRatio { get; init; }

    /// <summary>
    /// The first sigma / alpha. Default null: that of the schedule's last time. Above it, the network was not trained; some published
    /// models are sampled there.
    /// </summary>
    public double? MaxRatio { get; init; }

    /// <summary>
    /// The first sigma / alpha of a curve that would begin in pure noise, where sigma / alpha is infinite. Its level has the label of pure
    /// noise. Default null: such a curve is refused. diffusers uses 4096.
    /// </summary>
    public double? PureNoiseRatio { get; init; }

    /// <summary>
    /// Whether the last step ends at the clean image. Default true; false ends at <see cref="MinRatio"/>, with one more point on the curve.
    /// </summary>
    public bool EndsClean { get; init; } = true;

    /// <summary>What the curve spaces. Default <see cref="CurveVariable.Ratio"/>.</summary>
    public CurveVariable Variable { get; init; }

    /// <inheritdoc/>
    public IEnumerable<string> Problems(INoiseSchedule schedule, int steps)
    {
        ArgumentNullException.ThrowIfNull(schedule);
        (double min, double max) = Ends(schedule);
        bool canStart = double.IsFinite(max) || Variable == CurveVariable.Fraction;
        return
        [
            .. GridProblems.Steps(steps), .. OptionProblems.Choice(Variable, nameof(Variable)), .. CurveProblems(),
            .. min > 0 && max > min && canStart
                ? Array.Empty<string>()
                :
                [
                    $"The grid goes from sigma / alpha {max} to {min} of {schedule.Description}, but must go from a finite number to a "
                        + "smaller one above 0. Set MinRatio and MaxRatio.",
                ],
        ];
    }

    /// <inheritdoc/>
    public IReadOnlyList<NoiseLevel> Levels(INoiseSchedule schedule, int steps)
    {
        ArgumentNullException.ThrowIfNull(schedule);
        (double min, double max) = Ends(schedule);
        bool isFraction = Variable == CurveVariable.Fraction;
        (double low, double high) = isFraction ? (Fraction(min), Fraction(max)) : (min, max);
        int points = EndsClean ? steps : steps + 1;
        IEnumerable<NoiseLevel> levels = Enumerable.Range(0, points)
            .Select(i => i == 0 ? high : i == points - 1 ? low : At((double)i / (points - 1), low, high))
            .Select(value => GridLevel.WithRatio(schedule, isFraction ? value / (1 - value) : value));
        if (PureNoiseRatio is not null && double.IsPositiveInfinity(First(schedule)))
        {
            NoiseLevel noise = schedule.At(schedule.LastTime);
            levels = levels.Select((level, i) => i == 0 ? level with { Time = noise.Time, Label = noise.Label } : level);
        }

        return EndsClean ? [.. levels, NoiseLevel.Clean] : [.. levels];
    }

    /// <summary>The curve.</summary>
    /// <param name="place">Where on it, between 0 at the noisiest level and 1 at the last.</param>
    /// <param name="low">The value at 1, above 0.</param>
    /// <param name="high">The value at 0.</param>
    protected abstract double At(double place, double low, double high);

    /// <summary>Lists the problems of the curve's own options, each with its remedy; empty when there are none.</summary>
    protected virtual IEnumerable<string> CurveProblems() => [];

    private static double Fraction(double ratio) => double.IsPositiveInfinity(ratio) ? 1 : ratio / (1 + ratio);

    private double First(INoiseSchedule schedule) => MaxRatio ?? schedule.At(schedule.LastTime).Ratio;

    // The first time of a schedule may be the clean image itself, as rectified flow's is.
    private (double Min, double Max) Ends(INoiseSchedule schedule)
    {
        double first = First(schedule);
        return (MinRatio ?? GridLevel.First(schedule).Ratio, double.IsPositiveInfinity(first) ? PureNoiseRatio ?? first : first);
    }
}
