using System.Globalization;
using TorchSharp;

namespace Diffusion.Training;

/// <summary>Finds objectives that a schedule does not allow. Each message says what, actual, expected, remedy.</summary>
internal static class ObjectiveProblems
{
    /// <summary>Returns why the prediction or the loss is not defined over the complete schedule; empty if it is.</summary>
    /// <param name="options">The options with the prediction type and the loss space.</param>
    /// <param name="schedule">The schedule in use.</param>
    public static IEnumerable<string> OfPrediction(ObjectiveOptions options, INoiseSchedule schedule)
    {
        if (!Enum.IsDefined(options.Prediction))
        {
            yield break; // reported by the checks of the options
        }

        IParameterization parameterization = Parameterization.Of(options.Prediction);
        NoiseLevel[] ends = EndsOf(schedule);
        if (!ends.Select(parameterization.At).All(scalings => double.IsFinite(scalings.Label) && double.IsFinite(scalings.In)))
        {
            yield return $"{nameof(options.Prediction)} ({options.Prediction}) is not defined at both ends of "
                + $"{schedule.Description}: it needs a sigma above 0 and an alpha above 0. "
                + "Use Flow or Velocity, or the Edm schedule.";
        }
        else if (schedule is DiscreteSchedule && !parameterization.At(ends[1]).IsSolvable)
        {
            yield return $"{nameof(options.Prediction)} ({options.Prediction}) cannot be trained with {schedule.Description}: its last "
                + "timestep is pure noise, where predicted noise does not determine an image. Use Velocity or Sample.";
        }

        if (options.LossSpace is { } space && Enum.IsDefined(space)
            && !ends.All(end => double.IsFinite(LossSpace.LimitedFactor(parameterization, Parameterization.Of(space), end,
                options.MaxSpaceFactor is > 0 and { } max ? max : double.PositiveInfinity))))
        {
            yield return $"{nameof(options.LossSpace)} ({space}) cannot be computed from {nameof(options.Prediction)} "
                + $"({options.Prediction}) at both ends of {schedule.Description}: "
                + $"the weight of the loss would be infinite. Set {nameof(options.MaxSpaceFactor)} to 20, leave it out, or use another "
                + "schedule.";
        }
    }

    /// <summary>Returns why several processes cannot train with the objective together; empty if they can.</summary>
    /// <param name="objective">The objective.</param>
    public static IEnumerable<string> OfProcesses(IObjective objective)
    {
        if (objective is Objective)
        {
            yield break; // what its time law remembers is shared
        }

        using ObjectiveState? state = objective.CreateState(torch.CPU);
        if (state is { Tensors.Count: > 0 })
        {
            yield return $"The objective ({objective.Description}) remembers {string.Join(", ", state.Tensors.Keys)}, which each process "
                + "would change on its own, so it does not run distributed. Use an Objective, whose time law second-moment does, or "
                + "train in one process.";
        }
    }

    /// <summary>Returns why the objective cannot be used with the schedule or the network; empty if it can.</summary>
    /// <param name="options">The options with the prediction type.</param>
    /// <param name="objective">The objective in use.</param>
    /// <param name="schedule">The schedule in use.</param>
    /// <param name="model">The model to train.</param>
    public static IEnumerable<string> Of(ObjectiveOptions options, IObjective objective, INoiseSchedule schedule, IDiffusionModel model)
    {
        foreach (string problem in objective.Problems(schedule))
        {
            yield return problem;
        }

        if (objective is not Objective parts || !Enum.IsDefined(options.Prediction))
        {
            yield break;
        }

        if (parts.SelfConditioning > 0 != model.IsSelfConditioned)
        {
            yield return string.Create(CultureInfo.InvariantCulture,
                $"{nameof(options.SelfConditioning)} ({parts.SelfConditioning}) does not fit the network. ")
                + (model.IsSelfConditioned
                    ? "Samplers tell a self-conditioned network its earlier estimates, which it would never have seen. Use 0.5."
                    : $"It is not told its first estimate: put it into a {nameof(SelfConditionedModel)}, or use 0.");
        }

        NoiseLevel[] ends = EndsOf(schedule);
        if (parts.LearnsVariance && (schedule is not DiscreteSchedule || !ends.All(PreservesVariance)))
        {
            yield return $"{nameof(options.LearnsVariance)} (true) needs a schedule of betas, but the schedule is {schedule.Description}. "
                + "Use Cosine or Linear, or leave it out.";
        }

        IParameterization space = parts.Space ?? Parameterization.Of(options.Prediction);
        if (ends.Where(end => !double.IsFinite(LossSpace.Weight(parts.Weighting, space, end))).ToArray() is [var first, ..])
        {
            yield return $"{nameof(options.Weighting)} ({parts.Weighting.Description}) is infinite at time {first.Time} of "
                + $"{schedule.Description} for a loss in {space.Description}. Use min-snr, a LossSpace of Velocity or Sample, or another "
                + "schedule.";
        }
    }

    private static bool PreservesVariance(NoiseLevel level) =>
        Math.Abs((level.Alpha * level.Alpha) + (level.Sigma * level.Sigma) - 1) <= 1e-6;

    private static NoiseLevel[] EndsOf(INoiseSchedule schedule) => [schedule.At(schedule.FirstTime), schedule.At(schedule.LastTime)];
}
