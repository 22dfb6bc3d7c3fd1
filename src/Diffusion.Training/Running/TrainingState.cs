using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using Diffusion.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>The complete state that training changes. It is exactly the content of a checkpoint.</summary>
internal sealed class TrainingState : IDisposable
{
    private const string OrderChange =
        "the order of images changes from here on: until the end of the epoch, some images may occur twice and others not at all";

    private readonly DisposableStack belongings = new();
    private readonly TrainerSetup setup;

    public TrainingState(TrainerSetup setup, TrainingData data, Device device)
    {
        this.setup = setup;
        Data = data;
        LearningRate = setup.Options.LearningRate;
        LearningRate = LearningRate with { WarmupSteps = (int)LearningRate.WarmupOf(setup.Options.Steps) };
        try
        {
            Objective = setup.Objective.CreateState(device);
            if (Objective is not null)
            {
                belongings.Add(Objective);
            }

            RunProcesses? sharing = setup.Processes is { Options.ShardOptimizer: true } processes ? processes : null;
            Parameters = belongings.Add(new FlatParameters(
                setup.Model.Network, Objective?.Module, setup.Options.Precision, setup.Options.ParameterRules,
                sharing?.Group.WorldSize ?? 1));
            Parameters.LossScale?.Begin(setup.Options.LossScale);
            FlatShard? shard = sharing is null
                ? null
                : new FlatShard(Parameters.TrainedLength, sharing.Group.Rank, sharing.Group.WorldSize);
            FlatParameters updated = shard is null ? Parameters : belongings.Add(Parameters.Part(shard));
            Optimizer = belongings.Add(setup.Optimizer.Create(updated));
            Averages = [.. EmaOptions.Laws(setup.Options, setup.Optimizer).Select(law => belongings.Add(
                new EmaWrapper(updated, law, Gate, Parameters, setup.Options.EmaOnCpu)
                {
                    EverySteps = setup.Options.EmaEverySteps, CopiesFrom = setup.Optimizer.AveragesWeights ? Optimizer : null,
                }))];
            Shards = shard is null ? null : new Shards(sharing!, shard, Parameters, updated, Optimizer, Averages);
            Tensors = belongings.Add(new StateTensors(Parameters, Optimizer, Objective, Averages, Shards));
            Update = belongings.Add(new ParameterUpdate(Parameters, Optimizer, Averages, setup.Options.GradientClip,
                setup.Options.Health.MaxGradientNorm)
            {
                AfterOptimizer = Shards is null ? null : Shards.Update,
            });
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The images.</summary>
    public TrainingData Data { get; }

    /// <summary>The number of optimizer steps taken.</summary>
    public long Step { get; set; }

    /// <summary>The number of images seen, which is the position of the next image in the run.</summary>
    public long ImagesSeen { get; set; }

    /// <summary>The learning rate, with the warm-up with which the run started.</summary>
    public LearningRate LearningRate { get; private set; }

    /// <summary>How often the run rolled back to a checkpoint and divided the learning rate by three.</summary>
    public int Rollbacks { get; private set; }

    /// <summary>The learning rate of the next step.</summary>
    public double NextLearningRate => LearningRate.At(Step, setup.Options.Steps) / Math.Pow(Rollback.RateDivisor, Rollbacks);

    /// <summary>Guards the weights, the averages and the step, which denoisers on other threads read during a run.</summary>
    public WeightLock Gate { get; } = new("Trainer", "Use SnapshotEma() for a denoiser that outlives its trainer.");

    public FlatParameters Parameters { get; }

    public IOptimizer Optimizer { get; }

    /// <summary>The parameters and state of the objective; null if it has none.</summary>
    public ObjectiveState? Objective { get; }

    /// <summary>The averages. Previews and results use the first one.</summary>
    public IReadOnlyList<EmaWrapper> Averages { get; }

    /// <summary>What the processes hold in parts; null if each holds everything.</summary>
    public Shards? Shards { get; }

    /// <summary>The tensors of a checkpoint.</summary>
    public StateTensors Tensors { get; }

    /// <summary>The last measured held-out loss, or null.</summary>
    public double? HeldOutLoss { get; set; }

    /// <summary>The step at which the held-out loss was measured.</summary>
    public long? HeldOutStep { get; set; }

    public ParameterUpdate Update { get; }

    /// <summary>
    /// Unusual differences between the images of this run and those of the run that it resumes; empty if the images are the same, or if
    /// some were added.
    /// </summary>
    public IReadOnlyList<string> UnusualChanges { get; private set; } = [];

    /// <summary>Returns the current state as views of the live tensors, which this process must have whole.</summary>
    public Checkpoint Snapshot() => Tensors.Live(Manifest());

    /// <summary>Copies the current state. If the processes hold parts, rank 0 calls it and the others serve it.</summary>
    /// <param name="buffers">Receive the tensors.</param>
    public Checkpoint Copy(HostBuffers buffers) => Tensors.Copy(Manifest(), buffers);

    /// <summary>Restores a checkpoint after verifying that all of it fits.</summary>
    /// <param name="checkpoint">The checkpoint.</param>
    /// <param name="beforeChange">Called after everything is verified. If it throws, nothing changes.</param>
    /// <returns>The permitted differences from the run that wrote the checkpoint.</returns>
    /// <exception cref="CheckpointException">
    /// The checkpoint belongs to another model, schedule, prediction, optimizer or seed. Nothing changed.
    /// </exception>
    public IReadOnlyList<string> Restore(Checkpoint checkpoint, Action beforeChange)
    {
        CheckpointManifest saved = checkpoint.Manifest;
        CheckpointManifest mine = Manifest();
        IReadOnlyList<EmaLaw> laws = ResumedAverages.Laws(setup, saved);
        DataContinuation data = Data.Continue(saved.DataExtents, saved.ImagesSeen);
        IReadOnlyList<int> places = ResumedAverages.Places(laws, saved.Averages);
        Refuse([.. OptionChanges.Of(
            ("model", saved.Model, mine.Model),
            ("schedule", saved.Schedule, mine.Schedule),
            ("Objective", saved.Options.Objective, mine.Options.Objective),
            ("optimizer", saved.Optimizer, mine.Optimizer),
            ("ParameterRules", RulesOf(saved.Options), RulesOf(mine.Options)),
            ("seed", saved.Options.Seed, mine.Options.Seed),
            ("number of averages", saved.Averages.Count, mine.Averages.Count),
            ("HoldOutFraction", saved.Options.HoldOutFraction, mine.Options.HoldOutFraction)),
            .. data.Refusal is null ? Array.Empty<string>() : [data.Refusal],
            .. Tensors.Misfits(checkpoint, places)]);
        beforeChange();
        using WeightLock.Pass pass = Gate.Write();
        Tensors.Restore(checkpoint, places);
        foreach ((EmaWrapper average, EmaLaw law) in Averages.Zip(laws))
        {
            average.Law = law;
            average.ResetObjective(); // The average of the objective's parameters is neither used nor saved.
        }

        Data.Use(data);
        UnusualChanges = data is { HasReplacedImages: true, Change: { } change } ? [change] : [];
        Step = saved.Step;
        Rollbacks = saved.Options.LearningRate.Peak == setup.Options.LearningRate.Peak ? saved.Rollbacks : 0;
        HeldOutLoss = saved.HeldOutLoss;
        HeldOutStep = saved.HeldOutStep;
        ImagesSeen = saved.ImagesSeen;
        if (setup.Options.LearningRate.WarmupSteps is null)
        {
            LearningRate = LearningRate with { WarmupSteps = (int)saved.WarmupSteps };
        }

        using (no_grad())
        {
            Update.Skipped.Fill(saved.SkippedSteps);
            Update.SkippedInARow.Fill(saved.SkippedInARow);
            Update.Overflowed.Fill(saved.OverflowedSteps);
        }

        if (saved.LossScale is { } factor)
        {
            Parameters.LossScale?.Reset(factor, saved.LossScaleGoodSteps);
        }

        return [.. OptionChanges.Of(
            ("data", saved.Data, mine.Data),
            ("device", saved.Device, mine.Device),
            ("Precision", saved.Options.Precision, mine.Options.Precision),
            ("CPU threads", saved.CpuThreads, mine.CpuThreads),
            ("libtorch", saved.TorchVersion, mine.TorchVersion),
            ("processes", saved.World, mine.World),
            ("Steps", saved.Options.Steps, mine.Options.Steps),
            ("BatchSize", saved.Options.BatchSize, mine.Options.BatchSize),
            ("MicroBatchSize", saved.Options.MicroBatchSize, mine.Options.MicroBatchSize),
            ("LearningRate", saved.Options.LearningRate, mine.Options.LearningRate),
            ("LossScale", saved.Options.LossScale, mine.Options.LossScale),
            ("GradientClip", saved.Options.GradientClip, mine.Options.GradientClip),
            ("Ema", string.Join("; ", saved.Averages.Select(average => average.Law)), string.Join("; ", laws)),
            ("EmaEverySteps", saved.Options.EmaEverySteps, mine.Options.EmaEverySteps),
            ("DropLast", saved.Options.Loading.DropLast, mine.Options.Loading.DropLast),
            ("ShuffleWindow", saved.Options.Loading.ShuffleWindow, mine.Options.Loading.ShuffleWindow),
            ("BadImages", saved.Options.Loading.BadImages, mine.Options.Loading.BadImages)),
            .. data.Change is null ? Array.Empty<string>() : [data.Change],
            .. OrderDiffers(saved.Options) ? [OrderChange] : Array.Empty<string>()];
    }

    public void Dispose() => belongings.Dispose();

    /// <summary>Lowers the learning rate, after a checkpoint was restored.</summary>
    /// <param name="rollbacks">How often the run has rolled back, including this time.</param>
    public void RollBack(int rollbacks) => Rollbacks = rollbacks;

    /// <summary>Loads initial weights. The averages and the optimizer start from them too.</summary>
    /// <param name="path">A safetensors file, the index of a sharded safetensors file, or a diffusers folder.</param>
    /// <exception cref="CheckpointException">The weights cannot be read or do not fit. Nothing changed.</exception>
    public void LoadInitialWeights(string path)
    {
        InitialWeights.CopyInto(Tensors.Weights, setup.Model, path);
        BeginFromValues();
    }

    /// <summary>Lets everything begin from the values of the parameters, which were replaced before the first step.</summary>
    public void BeginFromValues()
    {
        Parameters.RoundValues();
        (Optimizer as IKeepsFirstWeights)?.KeepFirstWeights();
        foreach (EmaWrapper average in Averages)
        {
            average.Reset();
        }
    }

    // The order changes with the length of an epoch and, for sources with groups, with the shuffle window.
    private bool OrderDiffers(TrainingOptions saved)
    {
        LoadingOptions mine = setup.Options.Loading;
        return saved.Loading.DropLast != mine.DropLast
            || (mine.DropLast && saved.BatchSize != setup.Options.BatchSize)
            || (setup.Source.GroupSizes is not null && saved.Loading.ShuffleWindow != mine.ShuffleWindow);
    }

    /// <summary>Returns what is not a tensor of the current state.</summary>
    public CheckpointManifest Manifest() => new()
    {
        WarmupSteps = LearningRate.WarmupSteps!.Value,
        Step = Step,
        ImagesSeen = ImagesSeen,
        SkippedSteps = (long)Update.Skipped.Read<float>(),
        SkippedInARow = (long)Update.SkippedInARow.Read<float>(),
        OverflowedSteps = (long)Update.Overflowed.Read<float>(),
        LossScale = Parameters.LossScale?.Value.Read<float>(),
        LossScaleGoodSteps = (long)(Parameters.LossScale?.GoodSteps.Read<float>() ?? 0),
        Rollbacks = Rollbacks,
        Model = setup.Model.Description,
        Schedule = setup.Schedule.Description,
        Prediction = setup.Options.Objective.Prediction,
        Optimizer = setup.Optimizer.Description,
        Data = setup.Source.Description,
        ImageShape = [setup.Source.Shape.Channels, setup.Source.Shape.Height, setup.Source.Shape.Width],
        DataExtents = Data.Extents,
        Device = setup.Device.ToString(),
        CpuThreads = setup.Device.CpuThreads,
        LibraryVersion = typeof(TrainingState).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion,
        TorchVersion = __version__,
        World = setup.Processes?.Group.WorldSize ?? 1,
        HeldOutStep = HeldOutStep,
        HeldOutLoss = HeldOutLoss is { } loss && double.IsFinite(loss) ? loss : null, // JSON cannot represent NaN.
        Averages = CheckpointFormat.AveragesOf([.. Averages.Select(average => average.Law)]),
        Options = setup.Options,
    };

    private static string RulesOf(TrainingOptions options) =>
        options.ParameterRules.Length == 0 ? "none" : string.Join("; ", options.ParameterRules.AsEnumerable());

    private void Refuse(IReadOnlyList<string> differences)
    {
        if (differences.Count > 0)
        {
            throw new CheckpointException(
                $"The checkpoint in '{setup.Options.RunFolder}' belongs to another run: {NamedWeights.Text(differences)}. "
                + "Use the options of that run, or another folder.");
        }
    }
}
