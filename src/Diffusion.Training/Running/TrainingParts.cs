using Diffusion.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// What a trainer works with. Everything that can be wrong with data and folders is found before the model is touched; when making fails,
/// what was made is freed.
/// </summary>
internal sealed class TrainingParts : IDisposable
{
    private readonly DisposableStack belongings = new();
    private readonly TrainerSetup setup;

    /// <param name="setup">What it is made of.</param>
    public TrainingParts(TrainerSetup setup)
    {
        this.setup = setup;
        TrainingOptions options = setup.Options;
        Seeds = new SeedStream(options.Seed);
        BatchReader reader = new(setup.Source);
        TrainingData data = new(setup.Source, options.HoldOutFraction, options.BatchSize, options.Loading, Seeds);
        Folder = options.RunFolder is { } folder ? belongings.Add(new RunFolder(setup, folder)) : null;

        try
        {
            // The optimizer comes after the move, which replaces the parameters.
            Device device = setup.Device.Activate();
            setup.Model.Network.to(device);
            State = belongings.Add(new TrainingState(setup, data, device));
            Begin(options.InitialWeights);
            Denoiser = DenoiserOf(setup.Model, new Lazy<IDiffusionModel>(RawTwin));
            Averages = [.. State.Averages.Select(AverageOf)];
            ModelProbe.Check(Denoiser, State.Parameters, setup.Source.Shape, setup.Objective);
            Gauges = belongings.Add(new RunGauges(setup.Time, State.Parameters, State.Update, options.GradientClip));
            int? stratified = options.StratifiedImages;
            Pass = new TrainingPass(Denoiser, setup.Objective, Seeds, State.Objective)
            {
                Observer = Gauges.Meter.Losses, StratifyOver = stratified,
            };
            MeasuringPass = new TrainingPass(Denoiser, setup.Objective, Seeds, State.Objective)
            {
                IsMeasurement = true, StratifyOver = stratified,
            };
            HeldOut = data.Split.HeldOutCount == 0
                ? null
                : new HeldOutLoss(EmaDenoiser, setup.Objective, State.Objective, reader, data.Split, Seeds,
                    options.Loading.BadImages == BadImagePolicy.Throw
                    ? null
                    : OnBadImage);
            SkippedStepTrace trace = new(setup, State, Denoiser, Seeds);
            long firstSamples = StepsTable.FirstSamplesStep(StepsTable.For(data.Split.TrainingCount, setup.Source.Shape,
                options.BatchSize), options);
            HealthWatch watch = new(options, State.LearningRate.WarmupOf(options.Steps), firstSamples, trace.Of);
            Reporter = new ProgressReporter(
                setup, State, Gauges, watch, new ColorCheck(setup.Images), Folder is null
                    ? setup.Observers
                    : [Folder.Metrics, .. setup.Observers]);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The stream of the run.</summary>
    public SeedStream Seeds { get; }

    /// <summary>What training changes, as the newest checkpoint has it, or as the run begins.</summary>
    public TrainingState State { get; }

    /// <summary>
    /// The model with its own weights. It trains the model itself, and samples a twin that shares its weights: its mode stays as it is.
    /// </summary>
    public Denoiser Denoiser { get; }

    /// <summary>The model with the averaged weights; its own where there is no average.</summary>
    public Denoiser EmaDenoiser => Averages is [AveragedDenoiser first, ..] ? first.Denoiser : Denoiser;

    /// <summary>The model with each of its averages.</summary>
    public IReadOnlyList<AveragedDenoiser> Averages { get; }

    /// <summary>Forward and backward for training.</summary>
    public TrainingPass Pass { get; }

    /// <summary>The same for passes that are not trained on, whose losses are not gathered.</summary>
    public TrainingPass MeasuringPass { get; }

    /// <summary>The loss of held-out images; null where none are.</summary>
    public HeldOutLoss? HeldOut { get; }

    /// <summary>What the run leaves on disk; null where nothing is saved.</summary>
    public RunFolder? Folder { get; }

    /// <summary>What is measured between two reports.</summary>
    public RunGauges Gauges { get; }

    /// <summary>Tells where the run stands.</summary>
    public ProgressReporter Reporter { get; }

    /// <summary>Tells log and run folder of an image that cannot be read.</summary>
    /// <param name="image">The image.</param>
    public void OnBadImage(BadImage image)
    {
        TrainingLog.BadImage(setup.Logger, image.Name, image.Reason);
        Reporter.Shield("list of bad images", () => Folder?.BadImages.Add(image));
    }

    /// <summary>Goes back to the last checkpoint from before the loss rose, with a third of the learning rate.</summary>
    /// <exception cref="CheckpointException">It cannot be read.</exception>
    public void RollBack()
    {
        int rollbacks = State.Rollbacks + 1;
        Folder!.RollBack(State, Reporter.Findings.Last(finding => finding.Kind == FindingKind.Diverged).LastGoodStep);
        State.RollBack(rollbacks);
        Folder.SaveAgain(State); // A run that is resumed must know of the lower rate.
        Reporter.RolledBack(Folder.LastCheckpoint!);
    }

    /// <summary>Frees everything, once the calls of denoisers in flight have ended.</summary>
    public void Dispose()
    {
        State?.Gate.Dispose();
        belongings.Dispose();
    }

    private void Begin(string? initialWeights)
    {
        bool resumed = Folder is { } folder && folder.TryRestore(State);
        if (!resumed && initialWeights is not null)
        {
            State.LoadInitialWeights(initialWeights);
        }
    }

    private AveragedDenoiser AverageOf(EmaWrapper ema)
    {
        IDiffusionModel twin = TwinOver(ema.Average);
        return new AveragedDenoiser(ema.Decay, DenoiserOf(twin, new Lazy<IDiffusionModel>(twin)));
    }

    // Samples have the size of the training images, also where the network takes several sizes.
    private Denoiser DenoiserOf(IDiffusionModel model, Lazy<IDiffusionModel> sampled) =>
        new(model, sampled, setup.Schedule, Parameterization.Of(setup.Options.Objective.Prediction),
            State.Gate) { SampleShape = setup.Source.Shape };

    // Any thread may be the first to sample the raw weights. Between the draws of a new network's first weights another may be training.
    private IDiffusionModel RawTwin()
    {
        using IDisposable generator = GlobalGenerator.Keep();
        using WeightLock.Pass pass = State.Gate.Read();
        return TwinOver(State.Parameters.Values);
    }

    // A network in evaluation mode whose weights are those of a flat buffer.
    private IDiffusionModel TwinOver(Tensor weights)
    {
        using DisposeScope scope = NewDisposeScope();
        IDiffusionModel twin = belongings.Add(ModelTwin.Of(setup.Model));
        State.Parameters.Layout.Bind(twin.Network, weights);
        twin.Network.eval();
        return twin;
    }
}
