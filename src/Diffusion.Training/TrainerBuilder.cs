using System.Diagnostics.Metrics;
using Diffusion.Data;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// Builds a trainer: a fluent API for <see cref="TrainingOptions"/> and for the parts that are not plain data. <c>Use</c> methods set one
/// part, <c>Add</c> methods append, <see cref="Configure"/> edits the options, and <see cref="Build"/> checks everything and throws one
/// exception that lists every problem.
/// </summary>
public sealed class TrainerBuilder
{
    private readonly HashSet<string> filled = new(StringComparer.Ordinal);
    private readonly GivenParts given;

    internal TrainerBuilder(IDiffusionModel model) => given = new GivenParts(model);

    /// <summary>
    /// Starts from the given options instead of the defaults, for example options bound from configuration. The builder copies them.
    /// Regardless of the order of calls, <see cref="Configure"/> and the other <c>Use</c> methods change these options.
    /// </summary>
    public TrainerBuilder UseOptions(TrainingOptions value) => Fill(nameof(UseOptions), value, () => given.Edits.BeginFrom(value));

    /// <summary>The device to train on. Default <see cref="ComputeDevice.Best"/>.</summary>
    public TrainerBuilder UseDevice(ComputeDevice value) => Fill(nameof(UseDevice), value, () => given.Device = value);

    /// <summary>The images to train on. Required. The caller owns the source.</summary>
    public TrainerBuilder UseData(IImageSource value) => Fill(nameof(UseData), value, () => given.Source = value);

    /// <summary>
    /// The noise schedule. Default: the one that <see cref="TrainingOptions.Schedule"/> names. The options of the run store it, so its
    /// checkpoints contain it as data. For a custom type of schedule they contain the description.
    /// </summary>
    public TrainerBuilder UseSchedule(INoiseSchedule value) => Fill(nameof(UseSchedule), value, () => given.Schedule = value);

    /// <summary>What the network predicts. Default: the noise.</summary>
    public TrainerBuilder UsePrediction(PredictionType value) =>
        Choose(nameof(UsePrediction), "Objective.Prediction", value, options => options.Objective?.Prediction,
            options => options.Objective = (options.Objective ?? new ObjectiveOptions()) with { Prediction = value });

    /// <summary>A law of training times in place of the one that <see cref="ObjectiveOptions.Times"/> names, such as your own.</summary>
    public TrainerBuilder UseTimeLaw(ITimeLaw value) =>
        Fill(nameof(UseTimeLaw), value, () => given.Objective = given.Objective with { Times = value });

    /// <summary>A weighting of noise levels in place of the one that <see cref="ObjectiveOptions.Weighting"/> names.</summary>
    public TrainerBuilder UseLossWeighting(ILossWeighting value) =>
        Fill(nameof(UseLossWeighting), value, () => given.Objective = given.Objective with { Weighting = value });

    /// <summary>
    /// A function of the difference between prediction and target in place of the one that <see cref="ObjectiveOptions.Function"/> names,
    /// such as your own.
    /// </summary>
    public TrainerBuilder UseLossFunction(ILossFunction value) =>
        Fill(nameof(UseLossFunction), value, () => given.Objective = given.Objective with { Function = value });

    /// <summary>
    /// A custom objective, instead of one composed from the options. The options store its description. <see cref="UsePrediction"/> still
    /// sets what the network predicts.
    /// </summary>
    public TrainerBuilder UseObjective(IObjective value) =>
        Fill(nameof(UseObjective), value, () => given.Objective = given.Objective with { Whole = value });

    /// <summary>The optimizer. Default: AdamW with weight decay 0.01.</summary>
    public TrainerBuilder UseOptimizer(IOptimizerFactory value) => Fill(nameof(UseOptimizer), value, () => given.Optimizer = value);

    /// <summary>
    /// Adds a rule of how the optimizer treats some of the parameters: weight decay, a factor of the learning rate, or frozen. If several
    /// rules fit a parameter, the last one that has a value decides. Default none.
    /// </summary>
    public TrainerBuilder AddParameterRule(ParameterRule rule)
    {
        ArgumentNullException.ThrowIfNull(rule);
        given.Edits.Edit(options => options.ParameterRules = [.. options.ParameterRules ?? [], rule]);
        return this;
    }

    /// <summary>The learning rate. Default: 2e-4, constant after its warm-up.</summary>
    public TrainerBuilder UseLearningRate(LearningRate value) =>
        Choose(nameof(UseLearningRate), nameof(TrainingOptions.LearningRate), value, options =>
            options.LearningRate, options => options.LearningRate = value);

    /// <summary>Averages the weights with <see cref="EmaLaw.Warmup"/>. Default: <see cref="EmaLaw.Default"/>.</summary>
    /// <param name="decay">The maximum decay, in [0, 1).</param>
    public TrainerBuilder UseEma(double decay) => ChooseEma(PartText.Of("warmup", ("max-decay", decay)));

    /// <summary>Averages the weights with one or several laws. Previews and results use the first. Default: one average.</summary>
    /// <param name="law">The law of the first average. Default: <see cref="EmaLaw.Default"/>.</param>
    /// <param name="additional">The laws of further averages; each takes the memory of the weights once more. Default none.</param>
    public TrainerBuilder UseEma(EmaLaw law, params EmaLaw[] additional)
    {
        ArgumentNullException.ThrowIfNull(law);
        ArgumentNullException.ThrowIfNull(additional);
        if (additional.Length > 0)
        {
            string[] more = [.. additional.Select(each => each.Description)];
            given.Edits.Choose(nameof(UseEma), nameof(TrainingOptions.AdditionalEma), string.Join("; ", more),
                options => string.Join("; ", options.AdditionalEma ?? []), options => options.AdditionalEma = more);
        }

        return ChooseEma(law.Description);
    }

    /// <summary>Saves the run in a folder and resumes from it.</summary>
    /// <param name="folder">The folder of the run.</param>
    /// <param name="everySteps">
    /// The number of optimizer steps between two checkpoints. Null, the default, for <see cref="TrainingOptions.CheckpointEverySteps"/>.
    /// </param>
    public TrainerBuilder UseCheckpoints(string folder, int? everySteps = null)
    {
        Choose(nameof(UseCheckpoints), nameof(TrainingOptions.RunFolder), folder, options =>
            options.RunFolder, options => options.RunFolder = folder);
        if (everySteps is { } steps)
        {
            given.Edits.Choose(nameof(UseCheckpoints), nameof(TrainingOptions.CheckpointEverySteps), steps,
                options => options.CheckpointEverySteps, options => options.CheckpointEverySteps = steps);
        }

        return this;
    }

    /// <summary>Starts from the given weights if there is no checkpoint to resume from.</summary>
    /// <param name="path">
    /// A safetensors file, for example <c>ema.safetensors</c> of a checkpoint; the index of a sharded safetensors file; or the folder of a
    /// diffusers network or pipeline, whose configuration must describe this network.
    /// </param>
    public TrainerBuilder UseInitialWeights(string path) => Choose(nameof(UseInitialWeights), nameof(TrainingOptions.InitialWeights), path,
        options => options.InitialWeights, options => options.InitialWeights = path);

    /// <summary>
    /// Trains with other processes: every process makes the same calls, trains on its share of each batch, and has the same weights after
    /// each step. <see cref="TrainingOptions.BatchSize"/> remains the number of images in a step, over all processes. Rank 0 alone writes
    /// the run folder, logs, and calls observers and previews.
    /// </summary>
    /// <param name="group">
    /// The processes. The caller disposes the group after the trainer. Null, the default, for those that <c>mpirun</c> or another launcher
    /// started, or this one alone if none did: the trainer then owns their group, so only one trainer of a process can use it.
    /// </param>
    /// <param name="options">How they train together. Null, the default, for the defaults.</param>
    public TrainerBuilder UseDistributed(IProcessGroup? group = null, DistributedOptions? options = null) =>
        Fill(nameof(UseDistributed), options ?? new DistributedOptions(), () => given.Distribute(group, options ?? new()));

    /// <summary>The logger of the trainer. Default: none.</summary>
    public TrainerBuilder UseLogger(ILogger value) => Fill(nameof(UseLogger), value, () => given.Logger = value);

    /// <summary>Names the run, and chooses its meter.</summary>
    /// <param name="run">The name in metrics, spans and log scopes. Default: that of the run folder, or a random one without it.</param>
    /// <param name="meters">Creates the meter. Null, the default, for a meter of the process.</param>
    public TrainerBuilder UseTelemetry(string run, IMeterFactory? meters = null) =>
        Fill(nameof(UseTelemetry), run, () => (given.Run, given.Meters) = (run, meters));

    /// <summary>The clock for rates and time limits. Default: the system clock.</summary>
    public TrainerBuilder UseTimeProvider(TimeProvider value) => Fill(nameof(UseTimeProvider), value, () => given.Time = value);

    /// <summary>
    /// Adds an observer that receives progress once per report interval, on the training thread. If it throws, the exception is logged and
    /// the run continues.
    /// </summary>
    public TrainerBuilder ReportTo(IProgress<TrainingProgress> observer) => Append(given.Observers, observer);

    /// <inheritdoc cref="ReportTo(IProgress{TrainingProgress})"/>
    public TrainerBuilder ReportTo(Action<TrainingProgress> observer)
    {
        ArgumentNullException.ThrowIfNull(observer);
        return ReportTo(new CallObserver<TrainingProgress>(observer));
    }

    /// <summary>
    /// Adds an observer that receives every health finding of the run, on the training thread. If it throws, the exception is logged and
    /// the run continues.
    /// </summary>
    public TrainerBuilder ReportFindingsTo(IProgress<HealthFinding> observer) => Append(given.FindingObservers, observer);

    /// <inheritdoc cref="ReportFindingsTo(IProgress{HealthFinding})"/>
    public TrainerBuilder ReportFindingsTo(Action<HealthFinding> observer)
    {
        ArgumentNullException.ThrowIfNull(observer);
        return ReportFindingsTo(new CallObserver<HealthFinding>(observer));
    }

    /// <summary>Adds an observer of the whole run, for example one that writes a page about it.</summary>
    public TrainerBuilder ObserveWith(IRunObserver observer) => Append(given.RunObservers, observer);

    /// <summary>
    /// Adds a callback that receives the averaged model at regular intervals, on the training thread. If it throws, the exception is logged
    /// and the run continues.
    /// </summary>
    /// <param name="everySteps">The number of optimizer steps between two calls, at least 1.</param>
    /// <param name="preview">The callback, for example to sample a grid of images.</param>
    public TrainerBuilder AddPreview(int everySteps, Action<TrainingPreview> preview)
    {
        ArgumentNullException.ThrowIfNull(preview);
        if (everySteps < 1)
        {
            given.Problems.Add($"AddPreview: everySteps ({everySteps}) must be at least 1. Use 1000.");
        }

        given.Previews.Add(new TrainerSetup.Preview(everySteps, preview));
        return this;
    }

    /// <summary>Adds images that all processes sample together.</summary>
    internal TrainerBuilder AddShared(ISharedSamples samples) => Append(given.Samples, samples);

    /// <summary>
    /// Adds an edit of the options, which runs every time the options are checked: in <see cref="Build"/>, <see cref="Plan"/> and
    /// <see cref="BuildLrRangeFinder"/>. These methods reject a value that contradicts a <c>Use</c> call.
    /// </summary>
    public TrainerBuilder Configure(Action<TrainingOptions> edit)
    {
        ArgumentNullException.ThrowIfNull(edit);
        given.Edits.Edit(edit);
        return this;
    }

    /// <summary>
    /// Checks everything, moves the model to its device, and creates the trainer. If this fails, nothing changes: the model keeps its
    /// weights and its device.
    /// </summary>
    /// <remarks>
    /// Options, parts that must fit each other, images and the run folder are checked together. If the only problem is in the images or in
    /// the run folder, its own exception is thrown; otherwise, one exception lists every problem. Initial weights, or the checkpoint of a
    /// run to resume, are read after all checks have passed.
    /// </remarks>
    /// <returns>The trainer, which the caller disposes.</returns>
    /// <exception cref="OptionsValidationException">Something is missing or invalid. The message lists every problem.</exception>
    /// <exception cref="CheckpointException">The only problem is the run folder or the initial weights.</exception>
    /// <exception cref="ImageDataException">The only problem is the images: too many are unreadable, or outside [-1, 1].</exception>
    /// <exception cref="DistributedException">The processes differ, or one was lost or could not start.</exception>
    public Trainer Build() => given.Start(() => new Trainer(SetupCheck.Of(given, [])));

    /// <summary>
    /// Checks everything as <see cref="Build"/> does, and creates a finder of the learning rate for this run. It does not change the model
    /// or the run folder, and the builder can build a trainer afterwards. Several processes (<see cref="UseDistributed"/>) sweep together.
    /// </summary>
    /// <param name="range">The learning rates to try. Null, the default, for those of <see cref="LrRangeOptions"/>.</param>
    /// <exception cref="OptionsValidationException">Something is missing or invalid. The message lists every problem.</exception>
    /// <exception cref="ImageDataException">The only problem is the images: too many are unreadable, or outside [-1, 1].</exception>
    /// <exception cref="DistributedException">A process was lost or could not start.</exception>
    public LrRangeFinder BuildLrRangeFinder(LrRangeOptions? range = null)
    {
        LrRangeOptions tried = range ?? new LrRangeOptions();
        return given.Start(() => new LrRangeFinder(
            SetupCheck.Of(given, [.. tried.Problems, .. OptimizerFit.ProblemsOfRange(given.Optimizer)]), tried));
    }

    /// <summary>
    /// Checks everything as <see cref="Build"/> does, measures a few steps on a copy of the model, and predicts what the run needs. It does
    /// not change the model or the run folder, and the builder can build a trainer afterwards. It needs the memory of the run and of one
    /// more copy of the model. Several processes (<see cref="UseDistributed"/>) measure together and get the same plan.
    /// </summary>
    /// <param name="sampledImages">The number of images to plan a sampling for, 1 to 1,000,000. Default 16.</param>
    /// <param name="samplerSteps">Forward passes per image, 1 to 10,000: the sampler's steps, with guidance twice. Default 50.</param>
    /// <param name="cancellationToken">Ends the measurement between two steps or in a wait for images, in all processes.</param>
    /// <returns>The plan.</returns>
    /// <exception cref="OptionsValidationException">Something is missing or invalid. The message lists every problem.</exception>
    /// <exception cref="CheckpointException">The initial weights cannot be read or do not fit.</exception>
    /// <exception cref="ImageDataException">An image cannot be read or lies outside [-1, 1].</exception>
    /// <exception cref="DistributedException">The processes differ, or one was lost or could not start.</exception>
    /// <exception cref="OperationCanceledException">It was canceled.</exception>
    public TrainingPlan Plan(int sampledImages = 16, int samplerSteps = 50, CancellationToken cancellationToken = default) =>
        PlanWith(new PlanOptions { SampledImages = sampledImages, SamplerSteps = samplerSteps }, cancellationToken);

    /// <summary>Plans with other measured steps than the default.</summary>
    internal TrainingPlan PlanWith(PlanOptions planned, CancellationToken cancellationToken)
    {
        TrainerSetup setup = given.Start(() => SetupCheck.Of(given, planned.Problems));
        using DisposeScope scope = NewDisposeScope();
        return TrainingPlanner.Measure(setup, planned, cancellationToken);
    }

    private TrainerBuilder ChooseEma(string law) =>
        Choose(nameof(UseEma), nameof(TrainingOptions.Ema), law, options => options.Ema, options => options.Ema = law);

    private TrainerBuilder Choose(string place, string option, object value, Func<TrainingOptions, object?> read,
        Action<TrainingOptions> write) => Fill(place, value, () => given.Edits.Choose(place, option, value, read, write));

    private TrainerBuilder Append<T>(List<T> parts, T part)
    {
        ArgumentNullException.ThrowIfNull(part);
        parts.Add(part);
        return this;
    }

    private TrainerBuilder Fill(string place, object value, Action fill)
    {
        ArgumentNullException.ThrowIfNull(value);
        if (!filled.Add(place))
        {
            given.Problems.Add($"{place} was called twice. Call it once.");
        }

        fill();
        return this;
    }
}
