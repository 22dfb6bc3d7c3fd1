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
    private TrainingOptions options = new();
    private readonly List<string> problems = [];
    private readonly HashSet<string> filled = new(StringComparer.Ordinal);
    private readonly List<IProgress<TrainingProgress>> observers = [];
    private readonly List<IProgress<HealthFinding>> findingObservers = [];
    private readonly List<TrainerSetup.Preview> previews = [];
    private readonly IDiffusionModel model;
    private ComputeDevice? device;
    private INoiseSchedule? schedule;
    private IImageSource? source;
    private IOptimizerFactory optimizer = new AdamWFactory();
    private ILogger logger = NullLogger.Instance;
    private TimeProvider time = TimeProvider.System;

    internal TrainerBuilder(IDiffusionModel model) => this.model = model;

    /// <summary>Begins from given options, for instance bound from configuration, in place of the defaults. They are copied. Call it first.</summary>
    public TrainerBuilder UseOptions(TrainingOptions value) => Fill(nameof(UseOptions), value, () =>
    {
        options = value.Copy();
        if (filled.Count > 1)
        {
            problems.Add("UseOptions was called after other calls, which it would undo. Call it first.");
        }
    });

    /// <summary>Where to train. Default <see cref="ComputeDevice.Best"/>.</summary>
    public TrainerBuilder UseDevice(ComputeDevice value) => Fill(nameof(UseDevice), value, () => device = value);

    /// <summary>The images to train on; they stay the caller's. Required.</summary>
    public TrainerBuilder UseData(IImageSource value) => Fill(nameof(UseData), value, () => source = value);

    /// <summary>A noise schedule of one's own; default is the one that <see cref="TrainingOptions.Schedule"/> names.</summary>
    public TrainerBuilder UseSchedule(INoiseSchedule value) => Fill(nameof(UseSchedule), value, () => schedule = value);

    /// <summary>What the network predicts. Default the noise.</summary>
    public TrainerBuilder UsePrediction(PredictionType value) => Fill(nameof(UsePrediction), value, () => options.Prediction = value);

    /// <summary>The optimizer. Default AdamW with weight decay 0.01.</summary>
    public TrainerBuilder UseOptimizer(IOptimizerFactory value) => Fill(nameof(UseOptimizer), value, () => optimizer = value);

    /// <summary>The learning rate. Default 2e-4, constant after its warm-up.</summary>
    public TrainerBuilder UseLearningRate(LearningRate value) => Fill(nameof(UseLearningRate), value, () => options.LearningRate = value);

    /// <summary>The limit of the averaged weights' decay. Default 0.9999.</summary>
    public TrainerBuilder UseEma(double decay) => Fill(nameof(UseEma), decay, () => options.EmaDecay = decay);

    /// <summary>Saves the run in a folder, and resumes from it.</summary>
    /// <param name="folder">The folder of the run.</param>
    /// <param name="everySteps">Optimizer steps between two checkpoints.</param>
    public TrainerBuilder UseCheckpoints(string folder, int everySteps = 5000) => Fill(nameof(UseCheckpoints), folder, () =>
    {
        options.RunFolder = folder;
        options.CheckpointEverySteps = everySteps;
    });

    /// <summary>Starts from given weights, where there is no checkpoint to resume from.</summary>
    /// <param name="path">A safetensors file, for instance the <c>ema.safetensors</c> of a checkpoint.</param>
    public TrainerBuilder UseInitialWeights(string path) => Fill(nameof(UseInitialWeights), path, () => options.InitialWeights = path);

    /// <summary>Where the trainer logs. Default nowhere.</summary>
    public TrainerBuilder UseLogger(ILogger value) => Fill(nameof(UseLogger), value, () => logger = value);

    /// <summary>The clock of rates and time limits. Default the system's.</summary>
    public TrainerBuilder UseTimeProvider(TimeProvider value) => Fill(nameof(UseTimeProvider), value, () => time = value);

    /// <summary>Hears of progress once per report interval, on the training thread. One that throws is logged and does not end the run.</summary>
    public TrainerBuilder ReportTo(IProgress<TrainingProgress> observer)
    {
        ArgumentNullException.ThrowIfNull(observer);
        observers.Add(observer);
        return this;
    }

    /// <summary>Hears of everything that is wrong with the run, on the training thread. One that throws is logged and does not end the run.</summary>
    public TrainerBuilder ReportFindingsTo(IProgress<HealthFinding> observer)
    {
        ArgumentNullException.ThrowIfNull(observer);
        findingObservers.Add(observer);
        return this;
    }

    /// <summary>Calls back with the averaged model, on the training thread. A preview that throws is logged and does not end the run.</summary>
    /// <param name="everySteps">Optimizer steps between two calls.</param>
    /// <param name="preview">What to do, for instance to sample a grid.</param>
    public TrainerBuilder AddPreview(int everySteps, Action<TrainingPreview> preview)
    {
        ArgumentNullException.ThrowIfNull(preview);
        if (everySteps < 1)
        {
            problems.Add($"A preview's everySteps ({everySteps}) must be at least 1. Use 1000.");
        }

        previews.Add(new TrainerSetup.Preview(everySteps, preview));
        return this;
    }

    /// <summary>Edits the options.</summary>
    public TrainerBuilder Configure(Action<TrainingOptions> edit)
    {
        ArgumentNullException.ThrowIfNull(edit);
        edit(options);
        return this;
    }

    /// <summary>
    /// Checks everything, moves the model to its device, and makes the trainer. If that fails, nothing is left behind: the model has its
    /// weights, where it was.
    /// </summary>
    /// <returns>The trainer; it belongs to the caller.</returns>
    /// <exception cref="OptionsValidationException">Something is missing or impossible; the message lists every problem.</exception>
    /// <exception cref="CheckpointException">The run folder cannot be written to, or weights to start from do not fit.</exception>
    /// <exception cref="ImageDataException">Images are outside [-1, 1].</exception>
    public Trainer Build()
    {
        TrainerSetup setup = Check([]);
        Device? home = model.Network.parameters().FirstOrDefault()?.device;
        try
        {
            return new Trainer(setup);
        }
        catch
        {
            if (home is not null)
            {
                model.Network.to(home);
            }

            throw;
        }
    }

    /// <summary>
    /// Checks everything as <see cref="Build"/> does, and makes what finds the learning rate for this run. Neither the model nor the run folder is
    /// touched; the builder can build a trainer afterwards.
    /// </summary>
    /// <param name="range">What is tried. Null, the default, for 200 rates from 1e-7 to 1e-2.</param>
    /// <exception cref="OptionsValidationException">Something is missing or impossible; the message lists every problem.</exception>
    public LrRangeFinder BuildLrRangeFinder(LrRangeOptions? range = null)
    {
        LrRangeOptions tried = range ?? new LrRangeOptions();
        return new LrRangeFinder(Check(tried.Problems), tried);
    }

    /// <summary>
    /// Checks everything as <see cref="Build"/> does, measures a few steps on a copy of the model, and says what the run will take. Neither the model
    /// nor the run folder is touched; the builder can build a trainer afterwards. It takes the memory of the run, and that of the model once more.
    /// </summary>
    /// <param name="plan">What is measured and planned for. Null, the default, for at least 8 steps and 16 images in 50 sampler steps.</param>
    /// <param name="cancellationToken">Ends the measurement between two steps, or in a wait for images.</param>
    /// <returns>The plan.</returns>
    /// <exception cref="OptionsValidationException">Something is missing or impossible; the message lists every problem.</exception>
    /// <exception cref="CheckpointException">The initial weights cannot be read or do not fit.</exception>
    /// <exception cref="ImageDataException">An image cannot be read or lies outside [-1, 1].</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public TrainingPlan Plan(PlanOptions? plan = null, CancellationToken cancellationToken = default)
    {
        PlanOptions planned = plan ?? new PlanOptions();
        TrainerSetup setup = Check(planned.Problems);
        using DisposeScope scope = NewDisposeScope();
        return TrainingPlanner.Measure(setup, planned, cancellationToken);
    }

    private TrainerSetup Check(IEnumerable<string> more)
    {
        List<string> all = [.. problems, .. TrainingOptionsValidator.Problems(options), .. optimizer.Problems, .. more];
        INoiseSchedule? usedSchedule = schedule ?? (TrainingOptionsValidator.HasSchedule(options) ? NoiseSchedule.Create(options.Schedule, options.Timesteps) : null);
        all.AddRange(DataProblems.Of(options, model, source));
        if (source is not null && usedSchedule is not null)
        {
            all.AddRange(model.Problems(source.Shape, usedSchedule));
        }

        all.AddRange(CheckpointingProblems.Of(options, model, device));

        if (all.Count > 0)
        {
            throw new OptionsValidationException(nameof(TrainingOptions), typeof(TrainingOptions), all);
        }

        return new TrainerSetup(
            model, source!, device ?? ComputeDevice.Best, options.Copy(), usedSchedule!, optimizer, logger, time, [.. observers], [.. findingObservers], [.. previews]);
    }

    private TrainerBuilder Fill(string place, object value, Action fill)
    {
        ArgumentNullException.ThrowIfNull(value);
        if (!filled.Add(place))
        {
            problems.Add($"{place} was called twice. Call it once.");
        }

        fill();
        return this;
    }
}
