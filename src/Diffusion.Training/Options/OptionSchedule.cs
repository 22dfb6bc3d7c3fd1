using System.Globalization;

namespace Diffusion.Training;

/// <summary>
/// A noise schedule as data in the options: a named curve with its parameters, or betas one by one. Schedules of a user's own type are no
/// data: of those the options only keep the description, and a program that resumes the run must give the schedule again.
/// </summary>
internal static class OptionSchedule
{
    /// <summary>Whether the options name a schedule, be it by data or by description.</summary>
    public static bool IsNamed(TrainingOptions options) =>
        new TrainingOptions() is var unset
        && (options.Schedule != unset.Schedule || options.Timesteps != unset.Timesteps || options.BetaStart is not null
            || options.BetaEnd is not null || options.SigmaMin is not null || options.SigmaMax is not null
            || options.FlowShift is not null || options.ZeroTerminalSnr || options.Betas is not null
            || options.ScheduleDescription is not null);

    /// <summary>The description of a schedule that options cannot make; null where they make theirs.</summary>
    public static string? OnlyDescribed(TrainingOptions options) => options.Betas is null ? options.ScheduleDescription : null;

    /// <summary>Makes the schedule; null where the options cannot, or have impossible values.</summary>
    public static INoiseSchedule? TryMake(TrainingOptions options) =>
        OnlyDescribed(options) is null && !Problems(options).Any() ? Make(options) : null;

    /// <summary>Makes the schedule; <see cref="Problems"/> must be none.</summary>
    /// <exception cref="ArgumentException">A value is impossible.</exception>
    public static INoiseSchedule Make(TrainingOptions options) => new StoredSchedule
    {
        Kind = options.Schedule,
        Timesteps = options.Timesteps,
        BetaStart = options.BetaStart,
        BetaEnd = options.BetaEnd,
        SigmaMin = options.SigmaMin,
        SigmaMax = options.SigmaMax,
        FlowShift = options.FlowShift,
        Betas = options.Betas,
        ZeroTerminalSnr = options.ZeroTerminalSnr,
        Description = options.ScheduleDescription,
    }.Create();

    /// <summary>Writes a schedule into the options, so that <see cref="Make"/> gives the same one, to the last bit.</summary>
    public static void Write(TrainingOptions options, INoiseSchedule schedule)
    {
        (options.BetaStart, options.BetaEnd, options.Betas, options.ScheduleDescription) = (null, null, null, null);
        (options.SigmaMin, options.SigmaMax, options.FlowShift, options.ZeroTerminalSnr) = (null, null, null, false);
        if (schedule is DiscreteSchedule { Timesteps: var timesteps })
        {
            options.Timesteps = timesteps;
        }

        switch (schedule)
        {
            case DiscreteSchedule { RescaledFrom: { Betas: not null } original }:
                Write(options, original);
                options.ZeroTerminalSnr = true;
                break;
            case DiscreteSchedule { Formula: { } formula } discrete:
                options.Schedule = formula.Kind;
                if (NoiseSchedule.Create(formula.Kind, discrete.Timesteps).Description != schedule.Description)
                {
                    (options.BetaStart, options.BetaEnd) = (formula.Start, formula.End);
                }

                break;
            case DiscreteSchedule { Betas: { } betas }:
                options.Betas = [.. betas];
                options.ScheduleDescription = schedule.Description;
                break;
            case EdmSchedule edm:
                options.Schedule = NoiseScheduleKind.Edm;
                if (edm.Description != new EdmSchedule().Description)
                {
                    (options.SigmaMin, options.SigmaMax) = (edm.FirstTime, edm.LastTime);
                }

                break;
            case FlowSchedule flow:
                options.Schedule = NoiseScheduleKind.RectifiedFlow;
                options.FlowShift = flow.Shift == 1 ? null : flow.Shift;
                break;
            default:
                options.ScheduleDescription = schedule.Description;
                break;
        }
    }

    /// <summary>Every impossible value, as: what, actual, expected, remedy.</summary>
    public static IEnumerable<string> Problems(TrainingOptions options)
    {
        int before = 0;
        foreach (string problem in ImpossibleValues(options))
        {
            before++;
            yield return problem;
        }

        if (before == 0 && ProblemOfMaking(options) is { } rounded)
        {
            yield return rounded;
        }
    }

    private static IEnumerable<string> ImpossibleValues(TrainingOptions options)
    {
        if (!Enum.IsDefined(options.Schedule))
        {
            yield return $"{nameof(options.Schedule)} ({options.Schedule}) must be a known schedule. Use Cosine.";
        }

        if (!IsValid(options.Timesteps))
        {
            yield return $"{nameof(options.Timesteps)} ({options.Timesteps}) must be in "
                + $"{NoiseSchedule.MinTimesteps}..{NoiseSchedule.MaxTimesteps}. "
                + "Use 1000; the sampler may take fewer steps.";
        }

        foreach ((string name, double? beta) in ((string, double?)[])[(nameof(options.BetaStart), options.BetaStart),
            (nameof(options.BetaEnd), options.BetaEnd)])
        {
            if (beta is { } value && value is not (> 0 and < 1))
            {
                yield return string.Create(CultureInfo.InvariantCulture,
                    $"{name} ({value}) must be above 0 and below 1. Leave it out for the usual one.");
            }
            else if (beta is not null
                && (options.Betas is not null
                    || options.Schedule is not (NoiseScheduleKind.Linear or NoiseScheduleKind.ScaledLinear or NoiseScheduleKind.Sigmoid)))
            {
                yield return string.Create(CultureInfo.InvariantCulture,
                    $"{name} ({beta}) must be left out with "
                        + $"{(options.Betas is null ? $"the schedule {options.Schedule}, which has no such limit" : "Betas")}.");
            }
        }

        foreach ((string name, double? sigma) in ((string, double?)[])[(nameof(options.SigmaMin), options.SigmaMin),
            (nameof(options.SigmaMax), options.SigmaMax)])
        {
            if (sigma is not null && options.Schedule != NoiseScheduleKind.Edm)
            {
                yield return string.Create(CultureInfo.InvariantCulture,
                    $"{name} ({sigma}) must be left out with the schedule {options.Schedule}: only Edm has it.");
            }
        }

        if (options.FlowShift is not null && options.Schedule != NoiseScheduleKind.RectifiedFlow)
        {
            yield return string.Create(CultureInfo.InvariantCulture,
                $"{nameof(options.FlowShift)} ({options.FlowShift}) must be left out with the schedule {options.Schedule}: only "
                    + $"RectifiedFlow has it.");
        }

        if (options.ZeroTerminalSnr && options.Betas is null
            && options.Schedule is NoiseScheduleKind.Edm or NoiseScheduleKind.RectifiedFlow)
        {
            yield return $"{nameof(options.ZeroTerminalSnr)} (true) must be false with the schedule {options.Schedule}, which has no "
                + "timesteps to rescale. Leave it out, or use a schedule of betas.";
        }

        if (options.Betas is { } betas && betas.Length != options.Timesteps)
        {
            yield return $"{nameof(options.Betas)} ({betas.Length} numbers) must be one for each of the {options.Timesteps} Timesteps.";
        }
    }

    private static string? ProblemOfMaking(TrainingOptions options)
    {
        try
        {
            _ = Make(options);
            return null;
        }
        catch (ArgumentException problem)
        {
            return $"The options {nameof(options.Schedule)}, {nameof(options.BetaStart)}, {nameof(options.BetaEnd)}, "
                + $"{nameof(options.Betas)}, {nameof(options.SigmaMin)}, {nameof(options.SigmaMax)} and {nameof(options.FlowShift)} "
                + $"make no schedule: {problem.Message}";
        }
    }

    private static bool IsValid(int timesteps) => timesteps is >= NoiseSchedule.MinTimesteps and <= NoiseSchedule.MaxTimesteps;
}
