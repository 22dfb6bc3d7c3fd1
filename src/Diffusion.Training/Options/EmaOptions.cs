namespace Diffusion.Training;

/// <summary>The averages that options name.</summary>
internal static class EmaOptions
{
    /// <summary>The text that stands for no average.</summary>
    public const string None = "none";

    // No memory: the average is what the optimizer says.
    private static readonly EmaLaw OfOptimizer = EmaLaw.Constant(0);

    /// <summary>Returns the laws of all averages. The options must be valid.</summary>
    /// <param name="options">The options.</param>
    /// <param name="optimizer">The optimizer.</param>
    public static IReadOnlyList<EmaLaw> Laws(TrainingOptions options, IOptimizerFactory optimizer) => options.Ema == None
        ? []
        : optimizer.AveragesWeights ? [OfOptimizer]
        : [.. Texts(options).Select(text => EmaLaw.Names.Find(text)!)];

    /// <summary>Returns a message for each invalid value.</summary>
    /// <param name="options">The options.</param>
    /// <param name="processes">The number of processes that train together.</param>
    public static IEnumerable<string> Problems(TrainingOptions options, int processes)
    {
        foreach ((string name, string text) in Texts(options).Select((text, place) => (Name(place), text)))
        {
            if (text != None && EmaLaw.Names.Problem(text) is { } problem)
            {
                yield return $"{name} ({text}) {problem.TrimEnd('.')}. Leave it out for {EmaLaw.Default}, or use {None} for no average.";
            }
        }

        string[] additional = options.AdditionalEma;
        string shown = string.Join("; ", additional);
        if (options.Ema == None && additional.Length > 0)
        {
            yield return $"AdditionalEma ({shown}) must be empty if Ema is {None}. Set Ema to the first of them.";
        }

        string[] described = [.. Texts(options).Select(EmaLaw.Names.Describe)];
        if (additional.Contains(None) || described.Distinct(StringComparer.Ordinal).Count() < described.Length)
        {
            yield return $"AdditionalEma ({shown}) must contain laws that differ from each other and from Ema ({described[0]}). "
                + $"Use for example {EmaLaw.PowerFunction(0.1)}.";
        }

        if (options.EmaEverySteps < 1)
        {
            yield return $"EmaEverySteps ({options.EmaEverySteps}) must be at least 1. Use 1.";
        }

        if (options.EmaOnCpu && processes > 1)
        {
            yield return $"EmaOnCpu must be false with {processes} processes. Use ShardOptimizer, which divides the averages among them.";
        }

        if (options.EmaSnapshotEverySteps is { } every)
        {
            if (every < 1)
            {
                yield return $"EmaSnapshotEverySteps ({every}) must be at least 1. Use 1000, or leave it out for no snapshots.";
            }

            if (options.RunFolder is null)
            {
                yield return $"EmaSnapshotEverySteps ({every}) must be null without RunFolder, where snapshots are saved. Use "
                    + "UseCheckpoints, or leave it out.";
            }

            if (!described.Any(text => EmaLaw.Names.Find(text)?.SigmaRel is not null))
            {
                yield return $"EmaSnapshotEverySteps ({every}) must be null without an average with a power function; the averages are "
                    + $"{string.Join("; ", described)}. Use {EmaLaw.PowerFunction(0.05)} and {EmaLaw.PowerFunction(0.1)}.";
            }
        }
    }

    private static IEnumerable<string> Texts(TrainingOptions options) =>
        options.AdditionalEma.Prepend(options.Ema ?? EmaLaw.Default.Description);

    private static string Name(int place) => place == 0 ? nameof(TrainingOptions.Ema) : nameof(TrainingOptions.AdditionalEma);
}
