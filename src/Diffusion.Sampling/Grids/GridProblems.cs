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

    /// <summary>A number that must be above 0.</summary>
    public static IEnumerable<string> Positive(double value, string name, double usual) =>
        value > 0 && double.IsFinite(value) ? [] : [$"{name} is {value}, but must be a number above 0. Use {usual}."];
}
