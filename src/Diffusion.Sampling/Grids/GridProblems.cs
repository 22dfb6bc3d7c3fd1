namespace Diffusion.Sampling;

/// <summary>Problems that grids share, each with its remedy; empty when there are none.</summary>
internal static class GridProblems
{
    /// <summary>A number of steps that must be at least 1.</summary>
    public static IEnumerable<string> Steps(int steps) => steps >= 1 ? [] : [$"Steps is {steps}, but must be at least 1."];

    /// <summary>A schedule that must have timesteps.</summary>
    public static IEnumerable<string> Timesteps(INoiseSchedule? schedule) => schedule is DiscreteSchedule
        ? []
        : [$"The grid is of timesteps, but {schedule?.Description} has none. Use a KarrasGrid or a TimeGrid."];

    /// <summary>Noisy levels that must lie within the schedule, because no network was trained beyond it.</summary>
    public static IEnumerable<string> Outside(INoiseSchedule schedule, IEnumerable<NoiseLevel> levels, string remedy)
    {
        const double rounding = 1e-9;
        (double first, double last) = (schedule.At(schedule.FirstTime).Ratio, schedule.At(schedule.LastTime).Ratio);
        double[] ratios = [.. levels.Where(level => level.Sigma > 0).Select(level => level.Ratio)];
        return ratios.Length == 0 || (ratios.Min() >= first * (1 - rounding) && ratios.Max() <= last * (1 + rounding))
            ? []
            : [$"The grid goes from sigma / alpha {ratios.Max()} to {ratios.Min()}, but {schedule.Description} goes from {last} to "
                + $"{first}, and no network is trained beyond it. {remedy}"];
    }

    /// <summary>A number that must be above 0.</summary>
    public static IEnumerable<string> Positive(double value, string name, double usual) =>
        value > 0 && double.IsFinite(value) ? [] : [$"{name} is {value}, but must be a number above 0. Use {usual}."];
}
