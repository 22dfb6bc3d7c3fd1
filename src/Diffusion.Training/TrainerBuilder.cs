using System.Runtime.ExceptionServices;
using Diffusion.Data;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// Puts a trainer together: a fluent face of <see cref="TrainingOptions"/> and of the parts that are no plain data. <c>Use</c> fills one
/// place, <c>Add</c> appends, <c>Configure</c> edits the options, <see cref="Build"/> checks everything and throws once with every problem.
/// </summary>
public sealed class TrainerBuilder
{
    private readonly HashSet<string> filled = new(StringComparer.Ordinal);
    private readonly GivenParts given;

    internal TrainerBuilder(IDiffusionModel model) => given = new GivenParts(model);

    /// <summary>
    /// Begins from given options, for instance bound from configuration, in place of the defaults. They are copied. Whatever the order of
    /// the calls, <see cref="Configure"/> and the other <c>Use</c> calls change what is given here.
    /// </summary>
    public TrainerBuilder UseOptions(TrainingOptions value) => Fill(nameof(UseOptions), value, () => given.Edits.BeginFrom(value));

    /// <summary>Where to train. Default <see cref="ComputeDevice.Best"/>.</summary>
    public TrainerBuilder UseDevice(ComputeDevice value) => Fill(nameof(UseDevice), value, () => given.Device = value);

    /// <summary>The images to train on; they stay the caller's. Required.</summary>
    public TrainerBuilder UseData(IImageSource value) => Fill(nameof(UseData), value, () => given.Source = value);

    /// <summary>
    /// A noise schedule; default is the one that <see cref="TrainingOptions.Schedule"/> names. The options of the run take it over, so that
    /// its checkpoints hold it as data; of a schedule of your own type they hold the description.
    /// </summary>
    public TrainerBuilder UseSchedule(INoiseSchedule value) => Fill(nameof(UseSchedule), value, () => given.Schedule = value);

    /// <summary>What the network predicts. Default the noise.</summary>
    public TrainerBuilder UsePrediction(PredictionType value) =>
        Choose(nameof(UsePrediction), "Objective.Prediction", value, options => options.Objective?.Prediction,
            options => options.Objective = (options.Objective ?? new ObjectiveOptions()) with { Prediction = value });

    /// <summary>
    /// Which times are trained on, where no option can name the law. Default that of <see cref="ObjectiveOptions.Times"/>.
    /// </summary>
    public TrainerBuilder UseTimeLaw(ITimeLaw value) =>
        Fill(nameof(UseTimeLaw), value, () => given.Objective = given.Objective with { Times = value });

    /// <summary>
    /// How much each noise level counts, where no option can name it. Default that of <see cref="ObjectiveOptions.Weighting"/>.
    /// </summary>
    public TrainerBuilder UseLossWeighting(ILossWeighting value) =>
        Fill(nameof(UseLossWeighting), value, () => given.Objective = given.Objective with { Weighting = value });

    /// <summary>
    /// The function of the difference between prediction and target, where no option can name it. Default that of
    /// <see cref="ObjectiveOptions.Function"/>.
    /// </summary>
    public TrainerBuilder UseLossFunction(ILossFunction value) =>
        Fill(nameof(UseLossFunction), value, () => given.Objective = given.Objective with { Function = value });

    /// <summary>
    /// An objective of your own, in place of one that the options compose. They keep its description, and what
    /// <see cref="UsePrediction"/> says the network answers still holds.
    /// </summary>
    public TrainerBuilder UseObjective(IObjective value) =>
        Fill(nameof(UseObjective), value, () => given.Objective = given.Objective with { Whole = value });

    /// <summary>The optimizer. Default AdamW with weight decay 0.01.</summary>
    public TrainerBuilder UseOptimizer(IOptimizerFactory value) => Fill(nameof(UseOptimizer), value, () => given.Optimizer = value);

    /// <summary>The learning rate. Default 2e-4, constant after its warm-up.</summary>
    public TrainerBuilder UseLearningRate(LearningRate value) =>
        Choose(nameof(UseLearningRate), nameof(TrainingOptions.LearningRate), value, options =>
            options.LearningRate, options => options.LearningRate = value);

    /// <summary>The limit of the averaged weights' decay. Default 0.9999.</summary>
    public TrainerBuilder UseEma(double decay) =>
        Choose(nameof(UseEma), nameof(TrainingOptions.EmaDecay), decay, options => options.EmaDecay, options => options.EmaDecay = decay);

    /// <summary>Saves the run in a folder, and resumes from it.</summary>
    /// <param name="folder">The folder of the run.</param>
    /// <param name="everySteps">
    /// Optimizer steps between two checkpoints. Null, the default, for <see cref="TrainingOptions.CheckpointEverySteps"/>.
    /// </param>
    public TrainerBuilder UseCheckpoints(string folder, int? everySteps = null)
    {
        Choose(nameof(UseCheckpoints), nameof(TrainingOptions.RunFolder), folder, options =>
            options.RunFolder, options => options.RunFolder = folder);
        if (everySteps is { } steps)
        {
            given.Edits.Choose(
                nameof(UseCheckpoints), nameof(TrainingOptions.CheckpointEverySteps), steps,
                options => options.CheckpointEverySteps, options => options.CheckpointEverySteps = steps);
        }

        return this;
    }

    /// <summary>Starts from given weights, where there is no checkpoint to resume from.</summary>
    /// <param name="path">
    /// A safetensors file, for instance the <c>ema.safetensors</c> of a checkpoint; the index of several; or the folder of a network or
    /// pipeline of diffusers, whose configuration must describe this network.
    /// </param>
    public TrainerBuilder UseInitialWeights(string path) => Choose(
        nameof(UseInitialWeights), nameof(TrainingOptions.InitialWeights), path, options =>
            options.InitialWeights, options => options.InitialWeights = path);

    /// <summary>Where the trainer logs. Default nowhere.</summary>
    public TrainerBuilder UseLogger(ILogger value) => Fill(nameof(UseLogger), value, () => given.Logger = value);

    /// <summary>The clock of rates and time limits. Default the system's.</summary>
    public TrainerBuilder UseTimeProvider(TimeProvider value) => Fill(nameof(UseTimeProvider), value, () => given.Time = value);

    /// <summary>
    /// Hears of progress once per report interval, on the training thread. One that throws is logged and does not end the run.
    /// </summary>
    public TrainerBuilder ReportTo(IProgress<TrainingProgress> observer)
    {
        ArgumentNullException.ThrowIfNull(observer);
        given.Observers.Add(observer);
        return this;
    }

    /// <summary>
    /// Calls back with progress once per report interval, on the training thread. A call that throws is logged and does not end the run.
    /// </summary>
    public TrainerBuilder ReportTo(Action<TrainingProgress> observer)
    {
        ArgumentNullException.ThrowIfNull(observer);
        return ReportTo(new CallObserver<TrainingProgress>(observer));
    }

    /// <summary>
    /// Hears of everything that is wrong with the run, on the training thread. One that throws is logged and does not end the run.
    /// </summary>
    public TrainerBuilder ReportFindingsTo(IProgress<HealthFinding> observer)
    {
        ArgumentNullException.ThrowIfNull(observer);
        given.FindingObservers.Add(observer);
        return this;
    }

    /// <summary>
    /// Calls back with everything that is wrong with the run, on the training thread. A call that throws is logged and does not end the
    /// run.
    /// </summary>
    public TrainerBuilder ReportFindingsTo(Action<HealthFinding> observer)
    {
        ArgumentNullException.ThrowIfNull(observer);
        return ReportFindingsTo(new CallObserver<HealthFinding>(observer));
    }

    /// <summary>
    /// Calls back with the averaged model, on the training thread. A preview that throws is logged and does not end the run.
    /// </summary>
    /// <param name="everySteps">Optimizer steps between two calls.</param>
    /// <param name="preview">What to do, for instance to sample a grid.</param>
    public TrainerBuilder AddPreview(int everySteps, Action<TrainingPreview> preview)
    {
        ArgumentNullException.ThrowIfNull(preview);
        if (everySteps < 1)
        {
            given.Problems.Add($"A preview's everySteps ({everySteps}) must be at least 1. Use 1000.");
        }

        given.Previews.Add(new TrainerSetup.Preview(everySteps, preview));
        return this;
    }

    /// <summary>
    /// Edits the options, each time that they are checked: at <see cref="Build"/>, <see cref="Plan"/> and <see cref="BuildLrRangeFinder"/>.
    /// A value that a <c>Use</c> call chooses otherwise is refused there.
    /// </summary>
    public TrainerBuilder Configure(Action<TrainingOptions> edit)
    {
        ArgumentNullException.ThrowIfNull(edit);
        given.Edits.Edit(edit);
        return this;
    }

    /// <summary>
    /// Checks everything, moves the model to its device, and makes the trainer. If that fails, nothing is left behind: the model has its
    /// weights, where it was.
    /// </summary>
    /// <remarks>
    /// Options, parts that must fit each other, images and the run folder are checked together. A single mistake of the images or of the
    /// folder is an error of its own kind; otherwise one error lists all of them. Weights to start from, or the checkpoint of a run to go
    /// on with, are read when all that is right.
    /// </remarks>
    /// <returns>The trainer; it belongs to the caller.</returns>
    /// <exception cref="OptionsValidationException">Something is missing or impossible; the message lists every problem.</exception>
    /// <exception cref="CheckpointException">
    /// All is right but the run folder, which cannot be written to or belongs to another run, or weights to start from, which do not fit.
    /// </exception>
    /// <exception cref="ImageDataException">All is right but the images: too many cannot be read, or they are outside [-1, 1].</exception>
    public Trainer Build()
    {
        TrainerSetup setup = SetupCheck.Of(given, []);
        Device? home = given.Model.Network.parameters().FirstOrDefault()?.device;
        try
        {
            return new Trainer(setup);
        }
        catch
        {
            if (home is not null)
            {
                given.Model.Network.to(home);
            }

            throw;
        }
    }

    /// <summary>
    /// Checks everything as <see cref="Build"/> does, and makes what finds the learning rate for this run. Neither the model nor the run
    /// folder is touched; the builder can build a trainer afterwards.
    /// </summary>
    /// <param name="range">What is tried. Null, the default, for 200 rates from 1e-7 to 1e-2.</param>
    /// <exception cref="OptionsValidationException">Something is missing or impossible; the message lists every problem.</exception>
    /// <exception cref="ImageDataException">All is right but the images: too many cannot be read, or they are outside [-1, 1].</exception>
    public LrRangeFinder BuildLrRangeFinder(LrRangeOptions? range = null)
    {
        LrRangeOptions tried = range ?? new LrRangeOptions();
        return new LrRangeFinder(SetupCheck.Of(given, tried.Problems), tried);
    }

    /// <summary>
    /// Checks everything as <see cref="Build"/> does, measures a few steps on a copy of the model, and says what the run will take. Neither
    /// the model nor the run folder is touched; the builder can build a trainer afterwards. It takes the memory of the run, and that of the
    /// model once more.
    /// </summary>
    /// <param name="sampledImages">The number of images to plan a sampling for, 1 to 1,000,000. Default 16.</param>
    /// <param name="samplerSteps">
    /// The forward passes per image of that sampling, 1 to 10,000: the steps of the sampler, or twice as many with guidance. Default 50.
    /// </param>
    /// <param name="cancellationToken">Ends the measurement between two steps, or in a wait for images.</param>
    /// <returns>The plan.</returns>
    /// <exception cref="OptionsValidationException">Something is missing or impossible; the message lists every problem.</exception>
    /// <exception cref="CheckpointException">The initial weights cannot be read or do not fit.</exception>
    /// <exception cref="ImageDataException">An image cannot be read or lies outside [-1, 1].</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public TrainingPlan Plan(int sampledImages = 16, int samplerSteps = 50, CancellationToken cancellationToken = default) =>
        PlanWith(new PlanOptions { SampledImages = sampledImages, SamplerSteps = samplerSteps }, cancellationToken);

    /// <summary>Plans with other measured steps than the default.</summary>
    internal TrainingPlan PlanWith(PlanOptions planned, CancellationToken cancellationToken)
    {
        TrainerSetup setup = SetupCheck.Of(given, planned.Problems);
        using DisposeScope scope = NewDisposeScope();
        return TrainingPlanner.Measure(setup, planned, cancellationToken);
    }

    private TrainerBuilder Choose(string place, string option, object value, Func<TrainingOptions, object?> read,
        Action<TrainingOptions> write) =>
        Fill(place, value, () => given.Edits.Choose(place, option, value, read, write));

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
