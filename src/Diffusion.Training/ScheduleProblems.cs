namespace Diffusion.Training;

/// <summary>Finds options that name another schedule than the one that is used, as: what, actual, expected, remedy.</summary>
internal static class ScheduleProblems
{
    /// <summary>The contradiction; empty when there is none.</summary>
    /// <param name="options">They name a schedule where they are not at their defaults.</param>
    /// <param name="given">The schedule that is used in its place; null for none.</param>
    public static IEnumerable<string> Of(TrainingOptions options, INoiseSchedule? given)
    {
        TrainingOptions unset = new();
        bool namesOne = options.Schedule != unset.Schedule || options.Timesteps != unset.Timesteps;
        if (given is not null && namesOne && TrainingOptionsValidator.HasSchedule(options)
            && NoiseSchedule.Create(options.Schedule, options.Timesteps).Description is { } named && named != given.Description)
        {
            yield return $"UseSchedule gives {given.Description}, but the options Schedule and Timesteps name {named}. Leave one of the two out.";
        }
    }
}
