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

    /// <summary>What the network shall answer, or its loss shall compare, but cannot at some time of the schedule.</summary>
    /// <param name="options">They say what is predicted.</param>
    /// <param name="schedule">The schedule that is used.</param>
    public static IEnumerable<string> OfObjective(ObjectiveOptions options, INoiseSchedule schedule)
    {
        if (!Enum.IsDefined(options.Prediction))
        {
            yield break; // said by the options' own checks
        }

        IParameterization parameterization = Parameterization.Of(options.Prediction);
        NoiseLevel[] ends = [schedule.At(schedule.FirstTime), schedule.At(schedule.LastTime)];
        if (!ends.Select(parameterization.At).All(scalings => double.IsFinite(scalings.Label) && double.IsFinite(scalings.In)))
        {
            yield return $"{nameof(options.Prediction)} ({options.Prediction}) cannot be asked for at both ends of "
                + $"{schedule.Description}: it needs a sigma above 0 and an alpha above 0. "
                + "Use Flow or Velocity, or the Edm schedule.";
        }

        if (options.LossSpace is { } space && Enum.IsDefined(space)
            && !ends.All(end => double.IsFinite(LossSpace.Factor(parameterization, Parameterization.Of(space), end))))
        {
            yield return $"{nameof(options.LossSpace)} ({space}) cannot be reached from {nameof(options.Prediction)} "
                + $"({options.Prediction}) at both ends of {schedule.Description}: "
                + "the weight of the loss would be infinite. Leave it out, or use another schedule.";
        }
    }
}
