namespace Diffusion.Training;

/// <summary>
/// Finds options that contradict the schedule in use, or that describe a schedule that only code can create. Each message says what,
/// actual, expected, remedy.
/// </summary>
internal static class ScheduleProblems
{
    /// <summary>Returns the contradiction; empty if there is none.</summary>
    /// <param name="options">The options. They name a schedule if they differ from their defaults.</param>
    /// <param name="given">The schedule passed to the builder; null for none.</param>
    public static IEnumerable<string> Of(TrainingOptions options, INoiseSchedule? given)
    {
        string? described = OptionSchedule.OnlyDescribed(options);
        if (given is null)
        {
            return described is null
                ? []
                : [$"{nameof(options.ScheduleDescription)} ({described}) describes a schedule that only code can create. Pass it to "
                    + $"UseSchedule, or leave it out."];
        }

        string? named = OptionSchedule.IsNamed(options) ? described ?? OptionSchedule.TryMake(options)?.Description : null;
        return named is null || named == given.Description
            ? []
            : [$"UseSchedule sets {given.Description}, but the options Schedule and Timesteps name {named}. Leave one of the two out."];
    }
}
