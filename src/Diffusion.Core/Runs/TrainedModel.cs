using TorchSharp;

namespace Diffusion;

/// <summary>
/// A trained model for sampling: read from a run, a checkpoint or a folder of diffusers, or copied from a trainer. It owns the network,
/// whose weights never change.
/// </summary>
/// <remarks>
/// Several threads can sample <see cref="Denoiser"/> at the same time. On a CPU with a fixed number of libtorch threads, each gets the same
/// images, bit for bit, as one thread after another.
/// </remarks>
public sealed class TrainedModel : IDisposable
{
    /// <summary>Selects the network's own weights instead of an average: <c>none</c>.</summary>
    public const string NoEma = "none";

    private readonly Action release;

    /// <summary>Creates a model that owns a network.</summary>
    /// <param name="denoiser">The network with its schedule.</param>
    /// <param name="release">Disposes the network.</param>
    internal TrainedModel(Denoiser denoiser, Action release)
    {
        Denoiser = denoiser;
        this.release = release;
    }

    /// <summary>The model with its noise schedule, in evaluation mode. Valid until this object is disposed.</summary>
    public Denoiser Denoiser { get; }

    /// <summary>
    /// The number of classes that an image can have: those of the network without the one that label dropout adds for "no class". Null for
    /// a network without classes. <c>SampleRequest.ClassesInTurn</c> takes it.
    /// </summary>
    public int? ImageClassCount => Denoiser.Model.ClassCount - (IsTrainedForGuidance ? 1 : 0);

    /// <summary>
    /// Whether the network has learned a last class that means "no class", which classifier-free guidance needs: its training had label
    /// dropout. A folder of diffusers says so if this library has written it; for any other this is false.
    /// </summary>
    public bool IsTrainedForGuidance => Denoiser.Model.ClassCount is not null && Denoiser.IsTrainedForGuidance;

    /// <summary>The folder that the weights were read from; null for a copy from a trainer.</summary>
    public string? Folder { get; private init; }

    /// <summary>The number of optimizer steps of the training; null for a folder of diffusers.</summary>
    public long? Step { get; internal init; }

    /// <summary>
    /// The law of the average whose weights these are, such as <c>warmup(max-decay: 0.9999)</c>; null for the network's own weights and for
    /// a folder of diffusers.
    /// </summary>
    public string? Ema { get; internal init; }

    /// <summary>The laws of all averages in the checkpoint. The first is the default.</summary>
    public IReadOnlyList<string> Averages { get; private init; } = [];

    /// <summary>The newer checkpoints that were skipped because they are damaged, one line each; usually empty.</summary>
    public IReadOnlyList<string> Skipped { get; private init; } = [];

    /// <summary>Opens a trained model.</summary>
    /// <param name="folder">
    /// The folder of a run, whose newest intact checkpoint is read; the folder of one checkpoint; or a folder that diffusers or
    /// <see cref="DiffusersFolder"/> wrote. A run may still be training.
    /// </param>
    /// <param name="ema">
    /// The law of the average to read, one of <see cref="Averages"/>, or <see cref="NoEma"/> for the network's own weights. Default null:
    /// the first average, or the network's own weights if the run has no average.
    /// </param>
    /// <param name="network">
    /// Creates the network if it is not a <see cref="UNet2D"/>. Its weights are replaced, and its description must be that of the network
    /// that was trained. Default null.
    /// </param>
    /// <param name="schedule">The noise schedule, if the training used one of your own type. Default null: the one in the
    /// checkpoint.</param>
    /// <param name="device">The device. Default null: the CPU.</param>
    /// <param name="precision">
    /// What the network computes in: float32, or bfloat16 or float16 with rounded weights. The files stay as they are; noise, sampler and
    /// images are float32 in any case, and so is what an <see cref="IFloat32Layer"/> has. Default float32.
    /// </param>
    /// <returns>The model; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">Samples cannot be computed in this precision on this device.</exception>
    /// <exception cref="CheckpointException">
    /// There is no intact checkpoint, it does not have this average, or the network or schedule cannot be created from it; or a folder of
    /// diffusers has no scheduler.
    /// </exception>
    /// <exception cref="DiffusersFolderException">A folder of diffusers is damaged or not supported.</exception>
    public static TrainedModel Open(string folder, string? ema = null, Func<IDiffusionModel>? network = null,
        INoiseSchedule? schedule = null, ComputeDevice? device = null, Precision precision = Precision.Float32)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        TorchBackend.EnsureLoaded();
        NetworkRounding.CheckSampling(precision, device ?? ComputeDevice.Cpu());
        string path = Path.GetFullPath(folder);
        torch.Device? target = device?.Activate(); // fails before anything is read
        TrainedModel model = CheckpointFiles.IsCheckpoint(path)
            ? OpenCheckpoint(path, ema, network, schedule, [])
            : CheckpointsIn(path) is { } checkpoints ? OpenNewest(checkpoints, ema, network, schedule)
            : Directory.Exists(path) && Directory.EnumerateFiles(path, "*.json").Any() ? OpenDiffusers(path, ema)
            : throw new CheckpointException(
                $"'{folder}' contains no trained model. Pass the folder of a run, of a checkpoint, or of a diffusers pipeline.");
        if (target is not null)
        {
            model.Denoiser.Model.Network.to(target);
        }

        if (PrecisionTypes.IsHalf(precision))
        {
            NetworkRounding.Round(model.Denoiser.Model.Network, precision);
        }

        return model;
    }

    /// <summary>Waits for the calls in flight and frees the network. Later calls throw <see cref="ObjectDisposedException"/>.</summary>
    public void Dispose() => release();

    /// <summary>Replaces the weights.</summary>
    /// <param name="weights">One tensor for each parameter, by name.</param>
    /// <param name="step">Their step.</param>
    /// <param name="ema">The law of their average.</param>
    /// <returns>The model with these weights, which owns the network instead of this object.</returns>
    /// <exception cref="ArgumentException">The weights do not fit. Nothing changed.</exception>
    internal TrainedModel WithWeights(IReadOnlyDictionary<string, torch.Tensor> weights, long step, string ema)
    {
        CopyInto(Denoiser.Model, weights);
        return new TrainedModel(Denoiser, release) { Folder = Folder, Step = step, Ema = ema, Averages = Averages, Skipped = Skipped };
    }

    // A run, or its folder of checkpoints.
    private static string? CheckpointsIn(string path) =>
        Path.Combine(path, CheckpointFiles.Folder) is var inner && Directory.Exists(inner) ? inner
        : Directory.Exists(path) && Names(path).Any() ? path
        : null;

    private static IEnumerable<CheckpointName> Names(string checkpoints) =>
        Directory.GetDirectories(checkpoints).Select(entry => CheckpointName.TryParse(Path.GetFileName(entry))).OfType<CheckpointName>()
            .OrderByDescending(name => name.Step).ThenByDescending(name => name.Save);

    private static TrainedModel OpenNewest(string checkpoints, string? ema, Func<IDiffusionModel>? network, INoiseSchedule? schedule)
    {
        List<string> skipped = [];
        foreach (CheckpointName name in Names(checkpoints))
        {
            try
            {
                return OpenCheckpoint(Path.Combine(checkpoints, name.ToString()), ema, network, schedule, skipped);
            }
            catch (CheckpointException problem) when (problem.InnerException is CheckpointDamageException damage)
            {
                skipped.Add(damage.Message);
            }
        }

        throw new CheckpointException(skipped.Count == 0
            ? $"There is no checkpoint in '{checkpoints}'. Train until the first checkpoint is saved."
            : $"No checkpoint in '{checkpoints}' is intact. {string.Join(" ", skipped)} Restore a checkpoint, or train again.");
    }

    private static TrainedModel OpenCheckpoint(string folder, string? ema, Func<IDiffusionModel>? create, INoiseSchedule? schedule,
        IReadOnlyList<string> skipped)
    {
        try
        {
            RunManifest manifest = RunManifest.Read(folder);
            CheckpointAverage? average = AverageOf(manifest, folder, ema);
            INoiseSchedule used = ScheduleOf(manifest, folder, schedule);
            using SafeTensors weights = manifest.ReadTensors(folder, average?.File ?? CheckpointFiles.Weights);
            IDiffusionModel network = NetworkOf(manifest, folder, create);
            try
            {
                CopyInto(network, weights.Tensors);
                Denoiser denoiser = new(network, used, Parameterization.Of(manifest.Prediction))
                {
                    SampleShape = manifest.ImageShape, // for a network that accepts several sizes
                    IsTrainedForGuidance = manifest.DropsLabels,
                };
                return new TrainedModel(denoiser, network.Dispose)
                {
                    Folder = folder,
                    Step = manifest.Step,
                    Ema = average?.Law,
                    Averages = [.. manifest.Averages.Select(listed => listed.Law)],
                    Skipped = skipped,
                };
            }
            catch
            {
                network.Dispose();
                throw;
            }
        }
        catch (CheckpointDamageException damage)
        {
            throw new CheckpointException($"{damage.Message} Use another checkpoint of the run.", damage);
        }
    }

    private static void CopyInto(IDiffusionModel network, IReadOnlyDictionary<string, torch.Tensor> weights) => NamedWeights.CopyInto(
        network.Network.named_parameters().Select(p => KeyValuePair.Create(p.name, (torch.Tensor)p.parameter)), weights,
        network is IStoredNetwork stored ? stored.CurrentName : null);

    private static CheckpointAverage? AverageOf(RunManifest manifest, string folder, string? ema) => ema switch
    {
        null => manifest.Averages is [var first, ..] ? first : null,
        NoEma => null,
        _ => manifest.Averages.FirstOrDefault(listed => listed.Law == ema) ?? throw new CheckpointException(
            $"Checkpoint '{folder}' has no average {ema}. Use "
            + string.Join(" or ", manifest.Averages.Select(listed => listed.Law).Append(NoEma))
            + $"; {NoEma} is for the network's own weights."),
    };

    private static INoiseSchedule ScheduleOf(RunManifest manifest, string folder, INoiseSchedule? given)
    {
        INoiseSchedule schedule = given ?? manifest.StoredSchedule?.Create() ?? throw new CheckpointException(
            $"The run of checkpoint '{folder}' has a schedule of its own type, '{manifest.Schedule}'. Pass it as schedule.");
        return schedule.Description == manifest.Schedule
            ? schedule
            : throw new CheckpointException(
                $"The schedule is '{schedule.Description}', but the network of checkpoint '{folder}' was trained with "
                + $"'{manifest.Schedule}'. " + (given is null ? "Pass that as schedule." : "Pass that instead."));
    }

    private static IDiffusionModel NetworkOf(RunManifest manifest, string folder, Func<IDiffusionModel>? create)
    {
        IDiffusionModel network;
        try
        {
            network = create?.Invoke() ?? StoredNetwork(manifest.Model);
        }
        catch (Exception problem) when (create is null && problem is ArgumentException or FormatException)
        {
            throw new CheckpointException(
                $"The network of checkpoint '{folder}' is not a {nameof(UNet2D)}: '{Short(manifest.Model)}'. Pass a function that creates "
                + "it as network.",
                problem);
        }

        if (network.Description == manifest.Model)
        {
            return network;
        }

        string description = network.Description;
        network.Dispose();
        throw new CheckpointException(
            $"The network is '{Short(description)}', but checkpoint '{folder}' contains the weights of '{Short(manifest.Model)}'. Create a "
            + "network with that description.");
    }

    private static IDiffusionModel StoredNetwork(string description) =>
        SelfConditionedModel.Parse(description) is { } conditioned ? new SelfConditionedModel(StoredNetwork(conditioned))
        : PatchedModel.Parse(description) is { } patched ? new PatchedModel(StoredNetwork(patched.Network), patched.PatchSize)
        : new UNet2D(UNet2DOptions.FromJson(description));

    private static string Short(string description) => description.Length <= 200 ? description : description[..200] + "...";

    private static TrainedModel OpenDiffusers(string folder, string? ema)
    {
        if (ema is not null)
        {
            throw new CheckpointException(
                $"ema is {ema}, but '{folder}' is a folder of diffusers, which has one set of weights. Leave ema out.");
        }

        DiffusersModel model = DiffusersFolder.Load(folder);
        try
        {
            if (model.Scheduler is null)
            {
                throw new CheckpointException(
                    $"'{folder}' contains a network of diffusers, but no scheduler, which says what noise the network was trained with. "
                    + "Open the folder of the whole pipeline, or read it with DiffusersFolder.Load and create a Denoiser from its Model.");
            }

            return new TrainedModel(model.CreateDenoiser(), model.Dispose) { Folder = folder };
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }
}
