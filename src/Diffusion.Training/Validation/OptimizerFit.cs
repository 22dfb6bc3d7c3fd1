using System.Globalization;

namespace Diffusion.Training;

/// <summary>Finds options that do not fit the optimizer or, as rules of its parameters, the network.</summary>
internal static class OptimizerFit
{
    // Far below any factor that is used, and far above any learning rate of such a run.
    private const double LeastFactor = 0.05;

    /// <summary>The problems, each with its remedy.</summary>
    public static IEnumerable<string> Problems(TrainingOptions options, IDiffusionModel model, IOptimizerFactory optimizer)
    {
        if (!ParameterRuleProblems.Of(options.ParameterRules).Any())
        {
            foreach (string problem in ParameterRuleProblems.Of(options.ParameterRules, model, optimizer))
            {
                yield return problem;
            }
        }

        foreach (string problem in optimizer.AveragesWeights ? Averages(options, optimizer) : [])
        {
            yield return problem;
        }

        if (optimizer.FindsLearningRate && options.LearningRate.Peak is > 0 and < LeastFactor and var peak)
        {
            yield return string.Create(CultureInfo.InvariantCulture,
                $"LearningRate.Peak ({peak}) must be a factor, at least {LeastFactor}, as {optimizer.Description} finds the learning rate "
                + $"itself. Use 1.");
        }
    }

    private static IEnumerable<string> Averages(TrainingOptions options, IOptimizerFactory optimizer)
    {
        foreach ((string name, string? value) in ((string, string?)[])
        [
            (nameof(options.Ema), options.Ema),
            (nameof(options.AdditionalEma), options.AdditionalEma.Length > 0 ? string.Join("; ", options.AdditionalEma) : null),
            (nameof(options.EmaSnapshotEverySteps), options.EmaSnapshotEverySteps?.ToString(CultureInfo.InvariantCulture)),
        ])
        {
            if (value is not null)
            {
                yield return $"{name} ({value}) must be left out with {optimizer.Description}, which averages the weights itself: its "
                    + "average is validated, sampled and exported. Leave it out, or use Optimizers.AdamW().";
            }
        }
    }

    /// <summary>Why several processes cannot train a part of the parameters each.</summary>
    /// <param name="optimizer">The optimizer.</param>
    /// <param name="distributed">How processes train together; null for a single process.</param>
    /// <param name="processes">The number of processes.</param>
    public static IEnumerable<string> ProblemsOfShards(IOptimizerFactory optimizer, DistributedOptions? distributed, int processes) =>
        distributed is { ShardOptimizer: true } && processes > 1 && !optimizer.CanShard
            ? [$"ShardOptimizer (true) needs an optimizer whose elements are updated one by one, and {optimizer.Description} is not, or "
                + "does not say so (IOptimizerFactory.CanShard). Use Optimizers.AdamW(), Adam(), AdamW8Bit(), Lion() or "
                + "ScheduleFreeAdamW(), or leave ShardOptimizer out."]
            : [];

    /// <summary>Why the range of learning rates of a run cannot be tried.</summary>
    public static IEnumerable<string> ProblemsOfRange(IOptimizerFactory optimizer) => optimizer.FindsLearningRate
        ? [$"BuildLrRangeFinder cannot try learning rates with {optimizer.Description}, which finds the learning rate itself. Train with "
            + "LearningRate.Constant(1), or try the rates of Optimizers.AdamW()."]
        : [];
}
