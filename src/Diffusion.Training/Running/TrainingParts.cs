using Diffusion.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// The parts of a trainer. Problems with data and folders are found before the model is touched. If the constructor fails, it disposes what
/// it has created.
/// </summary>
internal sealed class TrainingParts : IDisposable
{
    private readonly DisposableStack owned = new();
    private readonly TrainerSetup setup;

    /// <param name="setup">The checked parts of the run.</param>
    public TrainingParts(TrainerSetup setup)
    {
        this.setup = setup;
        TrainingOptions options = setup.Options;
        Seeds = new SeedStream(options.Seed);
        BatchReader reader = new(setup.Source);
        TrainingData data = new(setup.Source, options.HoldOutFraction, options.BatchSize, options.Loading, Seeds);
        Folder = options.RunFolder is { } folder && setup.Processes is null or { IsFirst: true }
            ? owned.Add(new RunFolder(setup, folder))
            : null;

        try
        {
            // Move the network before creating the optimizer, because the move replaces the parameters.
            Device device = setup.Device.Activate();
            setup.Model.Network.to(device);
            PrecisionChoice = PrecisionChoice.Of(setup);
            options.Precision = PrecisionChoice.Precision;
            int? split = RunMemory.Split(setup);
            IsSplit = split is not null;
            options.MicroBatchSize ??= split;
            State = owned.Add(new TrainingState(setup, data, device));
            Ranks = setup.Processes is { } processes ? owned.Add(new Ranks(processes, setup, State)) : null;
            Begin(options.InitialWeights);
            Denoiser = DenoiserOf(setup.Model, new Lazy<IDiffusionModel>(RawTwin), State.Gate);
            bool areThere = State.Shards is null && !options.EmaOnCpu;
            IDiffusionModel[] networks = [.. State.Averages.Select(average => TwinOver(areThere ? average.Average : null))];
            WholeAverages = areThere ? null : owned.Add(new WholeAverages(State, networks));
            Averages = AveragesOf(State.Averages, networks);
            ModelProbe.Check(Denoiser, State.Parameters, setup.Source.Shape, setup.Objective);
            Gauges = owned.Add(new RunGauges(setup.Time, State.Parameters, State.Update, options.GradientClip));
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
                    : OnBadImage)
                {
                    Exchange = Ranks?.Exchange,
                };
            SkippedStepTrace trace = new(setup, State, Denoiser, Seeds);
            FirstSamplesStep = StepsTable.FirstSamplesStep(StepsTable.For(data.Split.TrainingCount, setup.Source.Shape,
                options.BatchSize), options);
            HealthWatch watch = new(options, State.LearningRate.WarmupOf(options.Steps), FirstSamplesStep,
                setup.Processes is { IsFirst: false } ? _ => string.Empty : trace.Of);
            Reporter = new ProgressReporter(
                setup, State, Gauges, watch, new SampleChecks(setup.Images, options), Folder is null
                    ? setup.Observers
                    : [Folder.Metrics, .. setup.Observers]);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>What the run computes in.</summary>
    public PrecisionChoice PrecisionChoice { get; }

    /// <summary>Whether a step is made in several passes because all of its images would not fit the memory.</summary>
    public bool IsSplit { get; }

    /// <summary>The seed stream of the run.</summary>
    public SeedStream Seeds { get; }

    /// <summary>The state that training changes, from the newest checkpoint or from the start of the run.</summary>
    public TrainingState State { get; }

    /// <summary>
    /// The model with its own weights. Training uses the model itself; sampling uses a twin that shares its weights, so the mode of the
    /// model does not change.
    /// </summary>
    public Denoiser Denoiser { get; }

    /// <summary>The model with the averaged weights, or with its own weights if there is no average.</summary>
    public Denoiser EmaDenoiser => Averages.Count > 0 ? Averages.GetAt(0).Value : Denoiser;

    /// <summary>The model with each of its averages, by law.</summary>
    public OrderedDictionary<EmaLaw, Denoiser> Averages { get; }

    /// <summary>The averages, put together where they are needed; null if this process holds them whole.</summary>
    public WholeAverages? WholeAverages { get; }

    /// <summary>The step at which samples should become recognizable.</summary>
    public long FirstSamplesStep { get; }

    /// <summary>Forward and backward pass for training.</summary>
    public TrainingPass Pass { get; }

    /// <summary>Forward and backward pass for measurements, whose losses are not recorded.</summary>
    public TrainingPass MeasuringPass { get; }

    /// <summary>The loss on held-out images; null if there are none.</summary>
    public HeldOutLoss? HeldOut { get; }

    /// <summary>The processes that share the run; null if this process trains alone.</summary>
    public Ranks? Ranks { get; }

    /// <summary>The files of the run on disk; null if nothing is saved, or if another process saves it.</summary>
    public RunFolder? Folder { get; }

    /// <summary>The measurements between two reports.</summary>
    public RunGauges Gauges { get; }

    /// <summary>Reports the progress of the run.</summary>
    public ProgressReporter Reporter { get; }

    /// <summary>Reports an image that cannot be read to the log and the run folder.</summary>
    /// <param name="image">The image.</param>
    public void OnBadImage(BadImage image)
    {
        TrainingLog.BadImage(setup.Processes?.Logger ?? setup.Logger, image.Name, image.Reason);
        Reporter.Shield("list of bad images", () => Folder?.BadImages.Add(image));
    }

    /// <summary>Rolls back to the last checkpoint before the loss rose, and divides the learning rate by three.</summary>
    /// <exception cref="CheckpointException">The checkpoint cannot be read.</exception>
    public void RollBack()
    {
        int rollbacks = State.Rollbacks + 1;
        Folder?.RollBack(State, Reporter.Findings.Last(finding => finding.Kind == FindingKind.Diverged).LastGoodStep);
        Ranks?.ShareState(Folder?.LastCheckpoint);
        State.RollBack(rollbacks);
        Folder?.SaveAgain(State); // A resumed run must use the lower rate.
        Ranks?.ServeFirst();
        Reporter.RolledBack(Folder?.LastCheckpoint ?? setup.Options.RunFolder!);
    }

    /// <summary>Disposes everything after the calls of denoisers in progress have ended.</summary>
    public void Dispose()
    {
        State?.Gate.Dispose();
        owned.Dispose();
    }

    private void Begin(string? initialWeights)
    {
        Ranks?.CheckStart();
        bool resumed = Folder is { } folder && folder.TryRestore(State);
        if (!resumed && initialWeights is not null && setup.Processes is null or { IsFirst: true })
        {
            State.LoadInitialWeights(initialWeights!);
        }

        Ranks?.ShareState(resumed ? Folder!.LastCheckpoint : null);
    }

    private OrderedDictionary<EmaLaw, Denoiser> AveragesOf(IReadOnlyList<EmaWrapper> averages, IDiffusionModel[] networks)
    {
        OrderedDictionary<EmaLaw, Denoiser> denoisers = [];
        for (int i = 0; i < networks.Length; i++)
        {
            IDiffusionModel network = networks[i];
            denoisers.Add(averages[i].Law, DenoiserOf(network, new Lazy<IDiffusionModel>(network), WholeAverages?.Gates[i] ?? State.Gate));
        }

        return denoisers;
    }

    // Samples have the size of the training images, even if the network accepts several sizes.
    private Denoiser DenoiserOf(IDiffusionModel model, Lazy<IDiffusionModel> sampled, WeightLock gate) =>
        new(model, sampled, setup.Schedule, Parameterization.Of(setup.Options.Objective.Prediction), gate)
        {
            SampleShape = setup.Source.Shape, IsTrainedForGuidance = setup.Options.Objective.DropsLabels,
        };

    // Any thread may be the first to sample the raw weights, while another thread draws from the global generator for training.
    private IDiffusionModel RawTwin()
    {
        using IDisposable generator = GlobalGenerator.Keep();
        using WeightLock.Pass pass = State.Gate.Read();
        return TwinOver(State.Parameters.Values);
    }

    // Creates a network in evaluation mode whose weights are views of a flat buffer; null leaves it its own weights.
    private IDiffusionModel TwinOver(Tensor? weights)
    {
        using DisposeScope scope = NewDisposeScope();
        IDiffusionModel twin = owned.Add(ModelTwin.Of(setup.Model));
        if (weights is not null)
        {
            State.Parameters.Layout.Bind(twin.Network, weights);
        }

        twin.Network.eval();
        return twin;
    }
}
