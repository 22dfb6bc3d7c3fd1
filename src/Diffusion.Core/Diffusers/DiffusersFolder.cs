using System.Collections.ObjectModel;
using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>
/// Moves models between this library and Python's diffusers, 0.30 or newer: reads folders of <c>DDPMPipeline</c>, <c>DDIMPipeline</c> or
/// <c>ConsistencyModelPipeline</c> with any scheduler that has a counterpart, or of a bare <c>UNet2DModel</c>, and writes folders that
/// <c>DDPMPipeline.from_pretrained(folder)</c> loads. Every key of a configuration is either supported, known to have no effect, or refused
/// by name.
/// </summary>
public static class DiffusersFolder
{
    /// <summary>The version of diffusers whose layout is written: 0.30.0.</summary>
    internal const string FormatVersion = "0.30.0";

    // The note beside the weights that says how many classes an image can have, if the network has one more for "no class".
    private const string ImageClasses = "image_classes";
    private const string UNetFolder = "unet";
    private const string UNetFile = "config.json";
    private const string SchedulerFolder = "scheduler";
    private const string SchedulerFile = "scheduler_config.json";

    /// <summary>Reads a model.</summary>
    /// <param name="folder">
    /// A pipeline's folder (<c>model_index.json</c>, <c>unet</c>, <c>scheduler</c>), or a network's (<c>config.json</c>, the weights, and
    /// optionally <c>scheduler_config.json</c>). Weights are <c>diffusion_pytorch_model.safetensors</c>, or several files with an index. A
    /// prefix of all their names, such as <c>module.</c>, is removed.
    /// </param>
    /// <returns>The model; it belongs to the caller.</returns>
    /// <exception cref="DiffusersFolderException">
    /// Something is missing, damaged or not supported; the message names the file, and every key and value that is refused.
    /// </exception>
    public static DiffusersModel Load(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        if (File.Exists(Path.Combine(folder, DiffusersIndex.FileName)))
        {
            // diffusers uses the folder itself if it has no subfolder of the part's name.
            DiffusersIndex index = DiffusersFiles.Read(Path.Combine(folder, DiffusersIndex.FileName), DiffusersIndex.Read);
            DiffusersScheduler scheduler = ReadScheduler(PartOf(folder, SchedulerFolder), index);
            return ReadModel(UNetOf(folder), scheduler);
        }

        if (!File.Exists(Path.Combine(folder, UNetFile)))
        {
            throw new DiffusersFolderException(
                folder, $"there is neither {DiffusersIndex.FileName} nor {UNetFile} here. Pass the folder that diffusers' "
                    + $"save_pretrained wrote.");
        }

        bool hasScheduler = File.Exists(Path.Combine(folder, SchedulerFile));
        DiffusersScheduler? bare = hasScheduler ? ReadScheduler(folder, index: null) : null;
        return ReadModel(folder, bare);
    }

    /// <summary>Writes the network, the schedule and the prediction type of a denoiser. See the other overload.</summary>
    /// <param name="folder">The folder to write.</param>
    /// <param name="denoiser">
    /// The denoiser of a <see cref="UNet2D"/>, or of one in a <see cref="PatchedModel"/>: <c>config.json</c> then also has
    /// <c>patch_size</c>, which diffusers ignores, so that its network takes and gives patches. A discrete schedule is written as
    /// <c>DDPMScheduler</c>, rectified flow as <c>FlowMatchEulerDiscreteScheduler</c>, EDM as <c>EDMEulerScheduler</c>. Use a trainer's
    /// averaged denoiser, or that of a <see cref="TrainedModel"/>.
    /// </param>
    /// <param name="notes">
    /// Free text for the header of the weights file, or null. For a network that label dropout trained, the note <c>image_classes</c> is
    /// added: the number of classes without the one for "no class", which <see cref="TrainedModel.ImageClassCount"/> reads back.
    /// </param>
    /// <param name="overwrite">Whether to replace a folder that contains a <c>model_index.json</c>.</param>
    /// <exception cref="ArgumentException">diffusers cannot express the model, its schedule or its prediction type.</exception>
    /// <exception cref="DiffusersFolderException">The folder already exists, or cannot be written.</exception>
    public static void Save(string folder, Denoiser denoiser, IReadOnlyDictionary<string, string>? notes, bool overwrite)
    {
        ArgumentNullException.ThrowIfNull(denoiser);
        (UNet2D unet, int? patchSize) = denoiser.Sampled switch
        {
            UNet2D plain => (plain, (int?)null),
            PatchedModel { Inner: UNet2D inner } patched => (inner, patched.PatchSize),
            _ => throw new ArgumentException(
                $"The model is a {denoiser.Model.GetType().Name}, but diffusers has a counterpart only for {nameof(UNet2D)}.",
                nameof(denoiser)),
        };
        DiffusersScheduler scheduler = SchedulerOf(denoiser);
        Dictionary<string, string> metadata = new(notes ?? ReadOnlyDictionary<string, string>.Empty, StringComparer.Ordinal);
        if (denoiser.IsTrainedForGuidance && denoiser.Model.ClassCount is { } classes)
        {
            metadata[ImageClasses] = (classes - 1).ToString(CultureInfo.InvariantCulture);
        }

        Write(folder, unet, patchSize, scheduler, metadata, overwrite);
    }

    /// <summary>
    /// Writes a model as a pipeline's folder: <c>DDIMPipeline</c> for a DDIM scheduler, <c>ConsistencyModelPipeline</c> for that of
    /// consistency models, else <c>DDPMPipeline</c>. It is written under another name and renamed when it is complete.
    /// </summary>
    /// <param name="folder">The folder to write.</param>
    /// <param name="unet">
    /// The network, on any device; its weights keep their dtype. Use the averaged network for sampling.
    /// </param>
    /// <param name="scheduler">The schedule and prediction type of the training, and the settings with which Python samples.</param>
    /// <param name="notes">
    /// Free text for the header of the weights' file, such as which weights they are; the key <c>format</c> is reserved.
    /// </param>
    /// <param name="overwrite">Whether to replace a folder that holds a <c>model_index.json</c>. Other folders are never replaced.</param>
    /// <exception cref="DiffusersFolderException">The folder already exists, or cannot be written.</exception>
    /// <exception cref="ArgumentException">diffusers cannot express the schedule, or the settings contradict each other.</exception>
    public static void Save(
        string folder, UNet2D unet, DiffusersScheduler scheduler, IReadOnlyDictionary<string, string>? notes = null, bool overwrite = false)
    {
        ArgumentNullException.ThrowIfNull(unet);
        ArgumentNullException.ThrowIfNull(scheduler);
        ArgumentNullException.ThrowIfNull(scheduler.Schedule);
        Write(folder, unet, patchSize: null, scheduler, notes, overwrite);
    }

    /// <summary>The network's folder in a pipeline's folder; a network's own folder itself.</summary>
    internal static string UNetOf(string folder) => PartOf(folder, UNetFolder);

    /// <summary>The configuration in a network's folder; null if it has none.</summary>
    /// <exception cref="DiffusersFolderException">It is not supported.</exception>
    internal static DiffusersUNetConfig? TryReadConfig(string folder) =>
        File.Exists(Path.Combine(folder, UNetFile)) ? ReadConfig(folder) : null;

    private static void Write(string folder, UNet2D unet, int? patchSize, DiffusersScheduler scheduler,
        IReadOnlyDictionary<string, string>? notes, bool overwrite)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        scheduler.ThrowIfInvalid();

        // Unsupported settings are refused before anything is written.
        byte[] schedulerConfig = DiffusersSchedulerJson.Write(scheduler);
        Dictionary<string, string> metadata = new(notes ?? ReadOnlyDictionary<string, string>.Empty, StringComparer.Ordinal);
        if (!metadata.TryAdd("format", "pt"))
        {
            throw new ArgumentException("The note \"format\" is reserved: diffusers reads it. Use another name.", nameof(notes));
        }

        AtomicFolder.Write(folder, DiffusersIndex.FileName, overwrite, temporary =>
        {
            Directory.CreateDirectory(Path.Combine(temporary, UNetFolder));
            Directory.CreateDirectory(Path.Combine(temporary, SchedulerFolder));
            using (DisposeScope scope = NewDisposeScope())
            {
                SafeTensorsFile.Write(
                    Path.Combine(temporary, UNetFolder, DiffusersWeights.FileName), LegacyAttentionOrder.WeightsWithout(unet), metadata);
            }

            File.WriteAllBytes(
                Path.Combine(temporary, UNetFolder, UNetFile), DiffusersConfig.UNet(LegacyAttentionOrder.Without(unet.Options), patchSize));
            File.WriteAllBytes(Path.Combine(temporary, SchedulerFolder, SchedulerFile), schedulerConfig);
            File.WriteAllBytes(Path.Combine(temporary, DiffusersIndex.FileName), DiffusersIndex.Of(scheduler.ClassName));
        });
    }

    private static DiffusersScheduler SchedulerOf(Denoiser denoiser)
    {
        DiffusersScheduler scheduler = new() { ClassName = ClassFor(denoiser.Schedule), Schedule = denoiser.Schedule };
        if (denoiser is { Parameterization: EdmParameterization edm, Schedule: EdmSchedule })
        {
            return EdmClass.With(scheduler with { Prediction = PredictionType.Edm }, edm);
        }

        return scheduler with
        {
            Prediction = Parameterization.TypeOf(denoiser.Parameterization) ?? throw new ArgumentException(
                $"The network predicts {denoiser.Parameterization.Description}, which diffusers' schedulers cannot express.",
                nameof(denoiser)),
        };
    }

    private static string ClassFor(INoiseSchedule schedule) => schedule switch
    {
        DiscreteSchedule => "DDPMScheduler",
        FlowSchedule => "FlowMatchEulerDiscreteScheduler",
        EdmSchedule => "EDMEulerScheduler",
        _ => throw new ArgumentException($"The schedule is {schedule.Description}, which diffusers' schedulers cannot express.",
            nameof(schedule)),
    };

    private static DiffusersUNetConfig ReadConfig(string folder) =>
        DiffusersFiles.Read(Path.Combine(folder, UNetFile), DiffusersUNetConfig.Read);

    private static string PartOf(string folder, string part)
    {
        string path = Path.Combine(folder, part);
        return Directory.Exists(path) ? path : folder;
    }

    private static DiffusersScheduler ReadScheduler(string folder, DiffusersIndex? index) =>
        DiffusersFiles.Read(Path.Combine(folder, SchedulerFile), json => DiffusersSchedulerJson.Read(json, index));

    private static DiffusersModel ReadModel(string folder, DiffusersScheduler? scheduler)
    {
        DiffusersUNetConfig config = ReadConfig(folder);
        using DiffusersWeights weights = DiffusersWeights.Read(folder);
        IReadOnlyDictionary<string, Tensor> tensors = SharedPrefix.Strip(weights.Tensors); // The names of a U-Net have no common prefix.
        if (DiffusersFit.Problem(config.Options, tensors) is { } problem)
        {
            throw new DiffusersFolderException(weights.Path, problem);
        }

        UNet2D unet = new(config.Options);
        try
        {
            unet.LoadWeights(tensors);
            unet.eval();
            IDiffusionModel model = config.Model(unet);
            bool hasNoClass = model.ClassCount is { } classes && weights.Notes.TryGetValue(ImageClasses, out string? images)
                && images == (classes - 1).ToString(CultureInfo.InvariantCulture);
            return new DiffusersModel(model, hasNoClass, scheduler);
        }
        catch (ArgumentException e)
        {
            unet.Dispose();
            throw new DiffusersFolderException(weights.Path, e.Message, e);
        }
    }
}
