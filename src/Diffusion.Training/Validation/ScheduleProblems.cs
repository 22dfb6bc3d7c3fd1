namespace Diffusion.Training;

/// <summary>
/// Finds options that name another schedule than the one that is used, or one that only code can make, as: what, actual, expected, remedy.
/// </summary>
internal static class ScheduleProblems
{
    /// <summary>The contradiction; empty when there is none.</summary>
    /// <param name="options">They name a schedule where they are not at their defaults.</param>
    /// <param name="given">The schedule that is used in its place; null for none.</param>
    public static IEnumerable<string> Of(TrainingOptions options, INoiseSchedule? given)
    {
        string? described = OptionSchedule.OnlyDescribed(options);
        if (given is null)
        {
            return described is null
                ? []
                : [$"{nameof(options.ScheduleDescription)} ({described}) names a schedule that only code makes. Give it with UseSchedule, "
                    + $"or leave it out."];
        }

        string? named = OptionSchedule.IsNamed(options) ? described ?? OptionSchedule.TryMake(options)?.Description : null;
        return named is null || named == given.Description
            ? []
            : [$"UseSchedule gives {given.Description}, but the options Schedule and Timesteps name {named}. Leave one of the two out."];
    }
}
