using System.Globalization;
using Microsoft.Extensions.Options;

namespace Diffusion.Training;

/// <summary>
/// Finds every invalid value of <see cref="TrainingOptions"/>. Each message says what, actual, expected, remedy. A host that binds options
/// registers it, so that a mistake is found at the start.
/// </summary>
public sealed class TrainingOptionsValidator : IValidateOptions<TrainingOptions>
{
    /// <inheritdoc/>
    public ValidateOptionsResult Validate(string? name, TrainingOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        string[] problems = [.. Problems(options)];
        return problems.Length == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(problems);
    }

    /// <summary>Returns a message for each invalid value; empty if there are none.</summary>
    /// <param name="options">The options.</param>
    /// <param name="processes">The number of processes that train together. Default 1.</param>
    internal static IEnumerable<string> Problems(TrainingOptions options, int processes = 1) =>
        Missing(options) is { Count: > 0 } missing ? missing : Invalid(options, processes);

    /// <summary>Returns a message for each part of the options that is null but must not be.</summary>
    internal static IReadOnlyList<string> Missing(TrainingOptions options) =>
    [
        .. new (string Name, object? Value)[]
        {
            (nameof(options.LearningRate), options.LearningRate), (nameof(options.AdditionalEma), options.AdditionalEma),
            (nameof(options.Loading), options.Loading), (nameof(options.Health), options.Health),
            (nameof(options.Objective), options.Objective), (nameof(options.ParameterRules), options.ParameterRules),
            (nameof(options.LossScale), options.LossScale),
        }.Where(part => part.Value is null).Select(part => $"{part.Name} (null) must have a value. Leave it out for its defaults."),
    ];

    private static IEnumerable<string> Invalid(TrainingOptions options, int processes)
    {
        LearningRate rate = options.LearningRate;
        return ((IEnumerable<string?>)
        [
            Unless(options.Steps >= 1, nameof(options.Steps), options.Steps, "at least 1",
                "Use 200000 for a full run, or 1000 for a trial."),
            Unless(options.TimeLimit is null || options.TimeLimit > TimeSpan.Zero,
                nameof(options.TimeLimit), options.TimeLimit, "positive", "Leave it out for no limit."),
            Unless(options.BatchSize is >= 1 and <= 65_536, nameof(options.BatchSize), options.BatchSize, "in 1..65536", "Use 64."),
            MicroBatch(options, processes),
            Unless(Enum.IsDefined(options.GradientCheckpointing), nameof(options.GradientCheckpointing), options.GradientCheckpointing,
                $"one of {string.Join(", ", Enum.GetNames<GradientCheckpointing>())}", "Use None."),
            Unless(options.MemoryBudgetBytes is null or >= 1, nameof(options.MemoryBudgetBytes), options.MemoryBudgetBytes, "at least 1",
                "Leave it out for the memory of the device."),
            Unless(rate.Peak is > 0 and <= 1, "LearningRate.Peak", rate.Peak, "above 0 and at most 1", "Use 2e-4."),
            Unless(Enum.IsDefined(rate.Shape), "LearningRate.Shape", rate.Shape, "one of the known shapes", "Use Constant."),
            Unless(rate.WarmupSteps is null or >= 0, "LearningRate.WarmupSteps", rate.WarmupSteps, "0 or more",
                "Leave it out for the default."),
            Unless(rate.WarmupSteps is null || rate.WarmupSteps < options.Steps,
                "LearningRate.WarmupSteps", rate.WarmupSteps, $"below Steps ({options.Steps})", "Use about 5% of the steps."),
            Unless(options.GradientClip is null or (> 0 and < double.PositiveInfinity),
                nameof(options.GradientClip), options.GradientClip, "positive", "Use 1, or null for no clipping."),
            .. ParameterRuleProblems.Of(options.ParameterRules),
            .. EmaOptions.Problems(options, processes),
            .. OptionSchedule.Problems(options),
            Unless(Enum.IsDefined(options.Objective.Prediction), "Objective.Prediction", options.Objective.Prediction,
                "a known prediction type",
                "Use Epsilon."),
            Unless(options.Objective.LossSpace is not { } space || Enum.IsDefined(space), "Objective.LossSpace",
                options.Objective.LossSpace!,
                "a known prediction type", "Leave it out to use Prediction."),
            Unless(options.HoldOutFraction is >= 0 and <= 0.5, nameof(options.HoldOutFraction), options.HoldOutFraction, "in 0..0.5",
                "Use 0.05."),
            Every(nameof(options.HoldOutEverySteps), options.HoldOutEverySteps),
            Every(nameof(options.ReportEverySteps), options.ReportEverySteps),
            Every(nameof(options.CheckpointEverySteps), options.CheckpointEverySteps),
            Unless(options.KeepCheckpoints >= 1, nameof(options.KeepCheckpoints), options.KeepCheckpoints, "at least 1", "Use 2."),
            Unless(options.KeepBestCheckpoints == 0 || (options.KeepBestCheckpoints > 0 && options.HoldOutFraction > 0),
                nameof(options.KeepBestCheckpoints), options.KeepBestCheckpoints, "0 or more, and 0 without HoldOutFraction",
                    "Hold out 0.02 of the images, or use 0."),
            Unless(options.KeepCheckpointsEverySteps is null or >= 1,
                nameof(options.KeepCheckpointsEverySteps), options.KeepCheckpointsEverySteps, "at least 1",
                    "Leave it out to keep none permanently."),
            .. options.Loading.Problems.Select(problem => $"Loading.{problem}"),
            .. options.LossScale.Problems.Select(problem => $"LossScale.{problem}"),
            .. options.Health.Problems.Select(problem => $"Health.{problem}"),
            Unless(options.Health.OnDivergence != DivergencePolicy.RollBack || options.RunFolder is not null,
                "Health.OnDivergence", options.Health.OnDivergence, "Report or Stop without RunFolder",
                    "Set RunFolder, so that there are checkpoints to roll back to."),
        ]).OfType<string>();
    }

    private static string? MicroBatch(TrainingOptions options, int processes)
    {
        if (options.MicroBatchSize < 1)
        {
            return $"MicroBatchSize ({options.MicroBatchSize}) must be at least 1. Leave it out to use the whole batch.";
        }

        long multiple = (long)processes * (options.MicroBatchSize ?? 1);
        if (options.BatchSize < 1 || options.BatchSize % multiple == 0)
        {
            return null;
        }

        string expected = processes == 1 ? $"MicroBatchSize ({multiple})"
            : options.MicroBatchSize is { } micro ? $"{processes} processes x MicroBatchSize ({micro}), {multiple}"
            : $"the {processes} processes";
        long below = options.BatchSize / multiple * multiple;
        return $"BatchSize ({options.BatchSize}) must be a multiple of {expected}. "
            + (below == 0 ? $"Use {multiple}." : $"Use {below} or {below + multiple}.");
    }

    private static string? Every(string what, int steps) => Unless(steps >= 1, what, steps, "at least 1", "Use 100.");

    private static string? Unless(bool isValid, string what, object? actual, string expected, string remedy) =>
        isValid ? null : string.Create(CultureInfo.InvariantCulture, $"{what} ({actual}) must be {expected}. {remedy}");
}
