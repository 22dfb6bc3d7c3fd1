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

    /// <summary>Returns why the prediction or the loss is not defined over the complete schedule; empty if it is.</summary>
    /// <param name="options">The options with the prediction type and the loss space.</param>
    /// <param name="schedule">The schedule in use.</param>
    public static IEnumerable<string> OfObjective(ObjectiveOptions options, INoiseSchedule schedule)
    {
        if (!Enum.IsDefined(options.Prediction))
        {
            yield break; // reported by the checks of the options
        }

        IParameterization parameterization = Parameterization.Of(options.Prediction);
        NoiseLevel[] ends = [schedule.At(schedule.FirstTime), schedule.At(schedule.LastTime)];
        if (!ends.Select(parameterization.At).All(scalings => double.IsFinite(scalings.Label) && double.IsFinite(scalings.In)))
        {
            yield return $"{nameof(options.Prediction)} ({options.Prediction}) is not defined at both ends of "
                + $"{schedule.Description}: it needs a sigma above 0 and an alpha above 0. "
                + "Use Flow or Velocity, or the Edm schedule.";
        }

        if (options.LossSpace is { } space && Enum.IsDefined(space)
            && !ends.All(end => double.IsFinite(LossSpace.Factor(parameterization, Parameterization.Of(space), end))))
        {
            yield return $"{nameof(options.LossSpace)} ({space}) cannot be computed from {nameof(options.Prediction)} "
                + $"({options.Prediction}) at both ends of {schedule.Description}: "
                + "the weight of the loss would be infinite. Leave it out, or use another schedule.";
        }
    }
}
