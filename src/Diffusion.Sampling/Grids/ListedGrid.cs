namespace Diffusion.Sampling;

/// <summary>A list of levels, from the noisiest down. It has one number of steps.</summary>
public sealed record ListedGrid : ISamplingGrid
{
    private readonly bool isOfTimes;

    private ListedGrid(IReadOnlyList<double> values, bool isOfTimes)
    {
        Values = values;
        this.isOfTimes = isOfTimes;
    }

    /// <summary>The times, or the sigma / alpha, of the levels.</summary>
    public IReadOnlyList<double> Values { get; }

    /// <inheritdoc/>
    public int? Steps => isOfTimes ? Values.Count : Values.Count - 1;

    /// <summary>Levels at times of the schedule, such as timesteps, then the clean image.</summary>
    /// <param name="times">Descending, at least one.</param>
    public static ListedGrid OfTimes(params IReadOnlyList<double> times)
    {
        ArgumentNullException.ThrowIfNull(times);
        return new ListedGrid(times, isOfTimes: true);
    }

    /// <summary>Levels with given sigma / alpha, the sigma of EDM and k-diffusion.</summary>
    /// <param name="ratios">Descending, at least two; the last one is where the last step ends, 0 for the clean image.</param>
    public static ListedGrid OfRatios(params IReadOnlyList<double> ratios)
    {
        ArgumentNullException.ThrowIfNull(ratios);
        return new ListedGrid(ratios, isOfTimes: false);
    }

    /// <inheritdoc/>
    public IEnumerable<string> Problems(INoiseSchedule schedule, int steps)
    {
        ArgumentNullException.ThrowIfNull(schedule);
        string what = isOfTimes ? "times" : "sigma / alpha";
        if (Steps < 1)
        {
            return [$"The grid lists {Values.Count} {what}, but must have at least one step."];
        }

        if (steps != Steps)
        {
            return [$"Steps is {steps}, but the grid lists {Steps} steps. Leave Steps null."];
        }

        int unsorted = Enumerable.Range(0, Values.Count - 1).FirstOrDefault(i => !(Values[i] > Values[i + 1]), -1);
        double lowest = isOfTimes ? schedule.FirstTime : 0;
        double highest = isOfTimes ? schedule.LastTime : double.MaxValue;
        return unsorted >= 0
            ? [$"The grid lists {Values[unsorted + 1]} after {Values[unsorted]}, but {what} must descend, none twice."]
            : Values[0] <= highest && Values[^1] >= lowest
                ? isOfTimes && schedule.At(Values[^1]).Sigma == 0
                    ? [$"The grid lists {Values[^1]} last, which is the clean image of {schedule.Description}. Leave it out: sampling ends "
                        + "clean after the last time of the list."]
                    : []
                : [$"The grid lists {what} from {Values[0]} to {Values[^1]}, but those of {schedule.Description} lie in "
                    + $"[{lowest}, {highest}]."];
    }

    /// <inheritdoc/>
    public IReadOnlyList<NoiseLevel> Levels(INoiseSchedule schedule, int steps)
    {
        ArgumentNullException.ThrowIfNull(schedule);
        return isOfTimes
            ? [.. Values.Select(schedule.At), NoiseLevel.Clean]
            : [.. Values.Select(ratio => GridLevel.WithRatio(schedule, ratio))];
    }

    /// <summary>Grids with equal lists are equal.</summary>
    public bool Equals(ListedGrid? other) => other is not null && isOfTimes == other.isOfTimes && Values.SequenceEqual(other.Values);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(isOfTimes, Values.Count, Values.Count > 0 ? Values[0] : 0);
}
