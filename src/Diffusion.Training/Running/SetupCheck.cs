using System.Runtime.ExceptionServices;
using Diffusion.Data;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Diffusion.Training;

/// <summary>Checks all parts of a run together, and throws one exception with every problem.</summary>
internal static class SetupCheck
{
    /// <summary>Checks the parts and returns them.</summary>
    /// <param name="given">The parts passed to the builder.</param>
    /// <param name="additional">Additional problems.</param>
    /// <exception cref="OptionsValidationException">Something is missing or invalid. The message lists every problem.</exception>
    /// <exception cref="ImageDataException">The only problem is the images.</exception>
    public static TrainerSetup Of(GivenParts given, IEnumerable<string> additional)
    {
        (IDiffusionModel model, IImageSource? source, INoiseSchedule? schedule) = (given.Model, given.Source, given.Schedule);
        (TrainingOptions options, IReadOnlyList<string> contradictions) = given.Edits.Make();
        int processes = given.Processes?.Group.WorldSize ?? 1;
        if (TrainingOptionsValidator.Missing(options) is { Count: > 0 } missing)
        {
            throw new OptionsValidationException(nameof(TrainingOptions), typeof(TrainingOptions),
                [.. given.Problems, .. contradictions, .. missing]);
        }

        string[] unknownParts = [.. given.Objective.Problems(options.Objective)];
        ObjectiveOptions learned = options.Objective = given.Objective.Describe(options.Objective);
        List<string> all =
        [
            .. given.Problems, .. contradictions, .. TrainingOptionsValidator.Problems(options, processes),
            .. given.Optimizer.Problems, .. given.RunObservers.SelectMany(observer => ProblemsOf(observer, options, model)), .. additional,
            .. ScheduleProblems.Of(options, schedule), .. DataProblems.Of(options, model, source),
                .. CheckpointingProblems.Of(options, model, given.Device),
                .. PrecisionProblems.Of(options, given.Device), .. given.Distributed?.Problems ?? [],
            .. OptimizerFit.Problems(options, model, given.Optimizer),
            .. OptimizerFit.ProblemsOfShards(given.Optimizer, given.Distributed, processes),
            .. given.Samples.Where(samples => samples.EverySteps < 1)
                .Select(samples => $"AddSamples: everySteps ({samples.EverySteps}) must be at least 1. Use 1000."),
        ];
        INoiseSchedule? usedSchedule = schedule ?? OptionSchedule.TryMake(options);
        all.AddRange(unknownParts);
        if (usedSchedule is not null)
        {
            all.AddRange(ObjectiveProblems.OfPrediction(given.Objective.WithNumbers(learned), usedSchedule));
            all.AddRange(unknownParts.Length == 0
                ? ObjectiveProblems.Of(learned, given.Objective.Make(learned), usedSchedule, model)
                : []);
            all.AddRange(unknownParts.Length == 0 && processes > 1 ? ObjectiveProblems.OfProcesses(given.Objective.Make(learned)) : []);
        }

        if (source is not null && usedSchedule is not null)
        {
            IReadOnlyList<string> ofModel = ModelProblems.Of(model, source.Shape, usedSchedule);
            all.AddRange(ofModel);
            all.AddRange(ProblemsOfSamples(given.Samples, model, source.Shape, usedSchedule, learned.Prediction, processes)
                .Except(ofModel, StringComparer.Ordinal).Select(problem => $"AddSamples: {problem}"));
        }

        (ImageStatistics? images, ImageDataException? badImages) = Inspect(source, options);
        if (all.Count == 0 && badImages is null)
        {
            OptionSchedule.Write(options, usedSchedule!); // The manifest of a checkpoint then contains the schedule in use.
            string run = given.Run ?? options.RunFolder ?? $"run-{Guid.NewGuid():N}"[..10];
            TrainerSetup setup = new(
                model, source!, images!, given.ChosenDevice, options, usedSchedule!, given.Objective.Make(learned),
                    given.Optimizer, given.Logger, given.Time, [.. given.Observers, .. given.RunObservers],
                    [.. given.FindingObservers, .. given.RunObservers], [.. given.Previews, .. PreviewsOf(given.RunObservers, options)])
            {
                Run = run, Metrics = new TrainingMetrics(run, given.Meters), Processes = given.Processes,
                RunObservers = [.. given.RunObservers], Samples = [.. given.Samples],
            };
            return setup.Processes is { IsFirst: false }
                ? setup with { Logger = NullLogger.Instance, Observers = [], FindingObservers = [], Previews = [], RunObservers = [] }
                : setup;
        }

        string? badFolder = options.RunFolder is { } folder ? RunFolderProbe.Problem(folder) : null;
        if (badImages is not null && all.Count == 0 && badFolder is null)
        {
            ExceptionDispatchInfo.Throw(badImages);
        }

        throw new OptionsValidationException(
            nameof(TrainingOptions), typeof(TrainingOptions), [.. all, .. new[] { badImages?.Message, badFolder }.OfType<string>()]);
    }

    private static IEnumerable<string> ProblemsOf(IRunObserver observer, TrainingOptions options, IDiffusionModel model)
    {
        IReadOnlyList<string> own = observer.Problems(options, model);
        return own.Count == 0 && observer.PreviewEverySteps(options) is < 1 and var every
            ? [$"{observer.GetType().Name}: PreviewEverySteps returned {every}, but must return at least 1, or null for no previews."]
            : own;
    }

    private static IEnumerable<string> ProblemsOfSamples(IEnumerable<ISharedSamples> all, IDiffusionModel model, ImageShape shape,
        INoiseSchedule schedule, PredictionType prediction, int processes)
    {
        // An undefined prediction is reported by the checks of the options.
        return Enum.IsDefined(prediction) ? all.SelectMany(samples => samples.Problems(DenoiserOf(), processes)) : [];

        Denoiser DenoiserOf() =>
            new(model, new Lazy<IDiffusionModel>(model), schedule, Parameterization.Of(prediction), gate: null) { SampleShape = shape };
    }

    private static IEnumerable<TrainerSetup.Preview> PreviewsOf(IEnumerable<IRunObserver> observers, TrainingOptions options)
    {
        foreach (IRunObserver observer in observers)
        {
            if (observer.PreviewEverySteps(options) is { } every)
            {
                yield return new TrainerSetup.Preview(every, observer.Preview, AlsoAtEnd: true);
            }
        }
    }

    private static (ImageStatistics? Images, ImageDataException? Problem) Inspect(IImageSource? source, TrainingOptions options)
    {
        if (source is null)
        {
            return (null, null);
        }

        try
        {
            return (new BatchReader(source)
                .Inspect(options.Loading.BadImages == BadImagePolicy.Throw ? 0 : options.Loading.MaxBadFraction), null);
        }
        catch (ImageDataException problem)
        {
            return (null, problem);
        }
    }
}
