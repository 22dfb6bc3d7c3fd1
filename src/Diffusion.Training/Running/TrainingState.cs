using System.Globalization;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using Diffusion.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>All that training changes: what a checkpoint holds, and nothing else.</summary>
internal sealed class TrainingState : IDisposable
{
    private const string OrderChange =
        "the order of images differs from here on, so that until the end of the epoch some may come twice and others not at all";

    private readonly DisposableStack belongings = new();
    private readonly TrainerSetup setup;
    private readonly IReadOnlyDictionary<string, Tensor> weights;
    private readonly IReadOnlyDictionary<string, Tensor> learned;
    private readonly IReadOnlyList<IReadOnlyDictionary<string, Tensor>> averages;

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

            Parameters = belongings.Add(new FlatParameters(setup.Model.Network, Objective?.Module));
            weights = ViewsOf(Parameters.Values);
            Optimizer = belongings.Add(setup.Optimizer.Create(Parameters));
            learned = LearnedOf(Optimizer, Objective);
            double[] decays = setup.Options.EmaDecay is { } decay ? [decay, .. setup.Options.AdditionalEmaDecays] : [];
            Averages = [.. decays.Select(each => belongings.Add(new EmaWrapper(Parameters, each, Gate)))];
            averages = [.. Averages.Select(average => ViewsOf(average.Average))];
            Update = belongings.Add(new ParameterUpdate(Parameters, Optimizer, Averages, setup.Options.GradientClip,
                setup.Options.Health.MaxGradientNorm));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The images.</summary>
    public TrainingData Data { get; }

    /// <summary>Optimizer steps made.</summary>
    public long Step { get; set; }

    /// <summary>Images seen: the position of the next image in the run.</summary>
    public long ImagesSeen { get; set; }

    /// <summary>The learning rate with the warm-up that the run began with.</summary>
    public LearningRate LearningRate { get; private set; }

    /// <summary>How often the run went back to a checkpoint with a third of the learning rate.</summary>
    public int Rollbacks { get; private set; }

    /// <summary>The learning rate of the next step.</summary>
    public double NextLearningRate => LearningRate.At(Step, setup.Options.Steps) / Math.Pow(Rollback.RateDivisor, Rollbacks);

    /// <summary>Guards weights, averages and step: denoisers read them from other threads during a run.</summary>
    public WeightLock Gate { get; } = new("Trainer", "Take SnapshotEma() for a denoiser that outlives its trainer.");

    public FlatParameters Parameters { get; }

    public IOptimizer Optimizer { get; }

    /// <summary>What the objective learns and remembers; null where that is nothing.</summary>
    public ObjectiveState? Objective { get; }

    /// <summary>The averages, the one that previews and results use first.</summary>
    public IReadOnlyList<EmaWrapper> Averages { get; }

    /// <summary>The last measured held-out loss, or null.</summary>
    public double? HeldOutLoss { get; set; }

    /// <summary>The step at which it was measured.</summary>
    public long? HeldOutStep { get; set; }

    public ParameterUpdate Update { get; }

    /// <summary>
    /// What is different about the images from those of the run that this one resumes; empty when they are the same, or more of them.
    /// </summary>
    public IReadOnlyList<string> UnusualChanges { get; private set; } = [];

    /// <summary>The state as it is now, over the live tensors.</summary>
    public Checkpoint Snapshot() => new(Manifest(), weights, averages, learned);

    /// <summary>Takes a checkpoint's state, after all of it has been found to fit.</summary>
    /// <param name="checkpoint">It.</param>
    /// <param name="beforeChange">Called once all is found to fit; what it throws leaves everything as it was.</param>
    /// <returns>What is different from the run that wrote it, and allowed.</returns>
    /// <exception cref="CheckpointException">
    /// It belongs to another model, schedule, prediction, optimizer or seed; nothing was changed.
    /// </exception>
    public IReadOnlyList<string> Restore(Checkpoint checkpoint, Action beforeChange)
    {
        CheckpointManifest saved = checkpoint.Manifest;
        CheckpointManifest mine = Manifest();
        DataContinuation data = Data.Continue(saved.DataExtents, saved.ImagesSeen);
        (IReadOnlyDictionary<string, Tensor> To, IReadOnlyDictionary<string, Tensor> From)[] sets =
        [
            (weights, checkpoint.Weights),
            (learned, checkpoint.Optimizer),
            .. AveragePairs(saved.Averages, checkpoint.Averages),
        ];
        Refuse([.. OptionChanges.Of(
            ("model", saved.Model, mine.Model),
            ("schedule", saved.Schedule, mine.Schedule),
            ("Objective", saved.Options.Objective, mine.Options.Objective),
            ("optimizer", saved.Optimizer, mine.Optimizer),
            ("seed", saved.Options.Seed, mine.Options.Seed),
            ("number of averages", saved.Averages.Count, mine.Averages.Count),
            ("HoldOutFraction", saved.Options.HoldOutFraction, mine.Options.HoldOutFraction)),
            .. data.Refusal is null ? Array.Empty<string>() : [data.Refusal],
            .. sets.SelectMany(set => NamedWeights.Misfits(set.To, set.From))]);
        beforeChange();
        using WeightLock.Pass pass = Gate.Write();
        foreach ((IReadOnlyDictionary<string, Tensor> to, IReadOnlyDictionary<string, Tensor> from) in sets)
        {
            NamedWeights.CopyInto(to, from);
        }

        foreach (EmaWrapper average in Averages)
        {
            average.ResetObjective(); // An average of the objective's parameters is used by nobody, and not saved.
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
        }

        return [.. OptionChanges.Of(
            ("data", saved.Data, mine.Data),
            ("device", saved.Device, mine.Device),
            ("CPU threads", saved.CpuThreads, mine.CpuThreads),
            ("libtorch", saved.TorchVersion, mine.TorchVersion),
            ("Steps", saved.Options.Steps, mine.Options.Steps),
            ("BatchSize", saved.Options.BatchSize, mine.Options.BatchSize),
            ("MicroBatchSize", saved.Options.MicroBatchSize, mine.Options.MicroBatchSize),
            ("LearningRate", saved.Options.LearningRate, mine.Options.LearningRate),
            ("GradientClip", saved.Options.GradientClip, mine.Options.GradientClip),
            ("EmaDecay", Decays(saved), Decays(mine)),
            ("DropLast", saved.Options.Loading.DropLast, mine.Options.Loading.DropLast),
            ("ShuffleWindow", saved.Options.Loading.ShuffleWindow, mine.Options.Loading.ShuffleWindow),
            ("BadImages", saved.Options.Loading.BadImages, mine.Options.Loading.BadImages)),
            .. data.Change is null ? Array.Empty<string>() : [data.Change],
            .. OrderDiffers(saved.Options) ? [OrderChange] : Array.Empty<string>()];
    }

    public void Dispose() => belongings.Dispose();

    /// <summary>Goes on with a lower learning rate, after a checkpoint was restored.</summary>
    /// <param name="rollbacks">How often the run has gone back by now.</param>
    public void RollBack(int rollbacks) => Rollbacks = rollbacks;

    /// <summary>Takes weights to start from; the averages start there too.</summary>
    /// <param name="path">A safetensors file, the index of several, or a folder of diffusers.</param>
    /// <exception cref="CheckpointException">They cannot be read or do not fit; nothing was changed.</exception>
    public void LoadInitialWeights(string path)
    {
        InitialWeights.CopyInto(weights, setup.Model, path);
        foreach (EmaWrapper average in Averages)
        {
            average.Reset();
        }
    }

    // Each average resumes from the one with its own decay; those with new decays from those that are left, in their order.
    private IEnumerable<(IReadOnlyDictionary<string, Tensor> To, IReadOnlyDictionary<string, Tensor> From)> AveragePairs(
        IReadOnlyList<CheckpointAverage> saved, IReadOnlyList<IReadOnlyDictionary<string, Tensor>> from)
    {
        List<int> left = [.. Enumerable.Range(0, Math.Min(saved.Count, Averages.Count))];
        int?[] same = [.. Averages.Select(average => left.Where(place => saved[place].Decay == average.Decay).Cast<int?>()
            .FirstOrDefault())];
        left.RemoveAll(place => same.Contains(place));
        for (int mine = 0; mine < Averages.Count && mine < saved.Count; mine++)
        {
            int place = same[mine] ?? left[0];
            left.Remove(place);
            yield return (averages[mine], from[place]);
        }
    }

    // What a checkpoint keeps beside the weights: the state of the optimizer, and what the objective learns and remembers.
    private Dictionary<string, Tensor> LearnedOf(IOptimizer optimizer, ObjectiveState? objective)
    {
        Dictionary<string, Tensor> all = new(optimizer.State, StringComparer.Ordinal);
        foreach ((string name, Tensor view) in Parameters.Layout.ObjectiveViews(Parameters.Values))
        {
            all.Add(name, belongings.Add(view));
        }

        foreach ((string name, Tensor tensor) in objective?.Tensors ?? new Dictionary<string, Tensor>(StringComparer.Ordinal))
        {
            all.Add($"{FlatLayout.ObjectivePrefix}state.{name}", tensor);
        }

        return all;
    }

    private IReadOnlyDictionary<string, Tensor> ViewsOf(Tensor flat)
    {
        IReadOnlyDictionary<string, Tensor> views = Parameters.Layout.Views(flat);
        foreach (Tensor view in views.Values)
        {
            belongings.Add(view);
        }

        return views;
    }

    // An epoch of another length puts every place of the run elsewhere; so does another window, where there are groups.
    private bool OrderDiffers(TrainingOptions saved)
    {
        LoadingOptions mine = setup.Options.Loading;
        return saved.Loading.DropLast != mine.DropLast
            || (mine.DropLast && saved.BatchSize != setup.Options.BatchSize)
            || (setup.Source.GroupSizes is not null && saved.Loading.ShuffleWindow != mine.ShuffleWindow);
    }

    private CheckpointManifest Manifest() => new()
    {
        WarmupSteps = LearningRate.WarmupSteps!.Value,
        Step = Step,
        ImagesSeen = ImagesSeen,
        SkippedSteps = (long)Update.Skipped.item<float>(),
        SkippedInARow = (long)Update.SkippedInARow.item<float>(),
        Rollbacks = Rollbacks,
        Model = setup.Model.Description,
        Schedule = setup.Schedule.Description,
        Prediction = setup.Options.Objective.Prediction,
        Optimizer = setup.Optimizer.Description,
        Data = setup.Source.Description,
        DataExtents = Data.Extents,
        Device = setup.Device.ToString(),
        CpuThreads = setup.Device.CpuThreads,
        LibraryVersion = typeof(TrainingState).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion,
        TorchVersion = __version__,
        HeldOutStep = HeldOutStep,
        HeldOutLoss = HeldOutLoss is { } loss && double.IsFinite(loss) ? loss : null, // JSON has no NaN.
        Averages = CheckpointFormat.AveragesOf([.. Averages.Select(average => average.Decay)]),
        Options = setup.Options,
    };

    private void Refuse(IReadOnlyList<string> differences)
    {
        if (differences.Count > 0)
        {
            throw new CheckpointException(
                $"The checkpoint in '{setup.Options.RunFolder}' belongs to another run: {NamedWeights.Text(differences)}. "
                + "Use the options it was made with, or another folder.");
        }
    }

    private static string Decays(CheckpointManifest manifest) =>
        string.Join(", ", manifest.Averages.Select(average => average.Decay.ToString(CultureInfo.InvariantCulture)));
}
