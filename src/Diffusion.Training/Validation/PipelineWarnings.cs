using TorchSharp;

namespace Diffusion.Training;

/// <summary>Finds combinations of parts that are valid but probably unintended: classes, held-out images, previews, checkpoints.</summary>
internal static class PipelineWarnings
{
    private const long FewHeldOut = 8;

    /// <summary>Returns a warning with reason and remedy for each unusual combination.</summary>
    /// <param name="options">The options, which must be valid.</param>
    /// <param name="modelClasses">The number of classes of the network, or null.</param>
    /// <param name="dataClasses">The number of classes of the images, or null.</param>
    /// <param name="previewSteps">The number of steps between two calls of each preview.</param>
    /// <param name="sampleSteps">The number of steps between two samplings that the processes share.</param>
    /// <param name="heldOut">The number of held-out images.</param>
    /// <param name="device">The kind of device.</param>
    public static IReadOnlyList<TrainingWarning> Of(TrainingOptions options, int? modelClasses, int? dataClasses,
        IEnumerable<int> previewSteps, IEnumerable<int> sampleSteps, long heldOut, DeviceType device) =>
    [
        .. ((IEnumerable<TrainingWarning?>)
        [
            Classes(modelClasses, dataClasses, options.Objective.DropsLabels),
            HeldOut(heldOut),
            .. previewSteps.Select(everySteps => TooRare("AddPreview", "a preview", everySteps, options.Steps)),
            .. sampleSteps.Select(everySteps => TooRare("AddSamples", "a sampling", everySteps, options.Steps)),
            BestCheckpoints(options),
            PermanentCheckpoints(options),
            AveragesOnCpu(options, device),
        ]).OfType<TrainingWarning>(),
    ];

    private static TrainingWarning? Classes(int? model, int? data, bool hasNoClass) =>
        data > 1 && model is null ? new TrainingWarning("Network",
            Text($"it has no classes, but the images have {data}: it learns all of them together, and cannot sample a chosen class. Create "
                + $"it with classes: {data}, the ClassCount of the images. If classes do not matter, ignore this warning."))
        : model > data + (hasNoClass ? 1 : 0) ? new TrainingWarning("Network",
            Text($"it has {model} classes, but the images have only {data}: it never sees class {data} or above. Create it with classes: "
                + $"{data}."))
        : null;

    private static TrainingWarning? HeldOut(long images) => images is > 0 and < FewHeldOut
        ? new TrainingWarning("HoldOutFraction",
            Text($"only {images} images are held out, too few for a reliable loss. Hold out at least {FewHeldOut}."))
        : null;

    private static TrainingWarning? TooRare(string method, string what, int everySteps, long steps) => everySteps > steps
        ? new TrainingWarning(method,
            Text($"{what} is due every {everySteps:N0} steps, but the run has only {steps:N0}, so there is none. Use at most "
                + $"{steps:N0}."))
        : null;

    private static TrainingWarning? BestCheckpoints(TrainingOptions options) =>
        options.KeepBestCheckpoints > 0 && options.CheckpointEverySteps % options.HoldOutEverySteps != 0
            ? new TrainingWarning("KeepBestCheckpoints",
                Text($"the held-out loss is measured every {options.HoldOutEverySteps:N0} steps, but a checkpoint is saved every "
                    + $"{options.CheckpointEverySteps:N0}: a checkpoint of another step has no loss to compare. Make "
                    + $"CheckpointEverySteps a multiple of HoldOutEverySteps."))
            : null;

    private static TrainingWarning? PermanentCheckpoints(TrainingOptions options) =>
        options.KeepCheckpointsEverySteps is { } kept && kept % options.CheckpointEverySteps != 0
            ? new TrainingWarning("KeepCheckpointsEverySteps",
                Text($"checkpoints are saved every {options.CheckpointEverySteps:N0} steps, so few or none fall on a multiple of "
                    + $"{kept:N0}. Use a multiple of {options.CheckpointEverySteps:N0}."))
            : null;

    private static TrainingWarning? AveragesOnCpu(TrainingOptions options, DeviceType device) =>
        !options.EmaOnCpu ? null
        : device != DeviceType.CUDA ? new TrainingWarning("EmaOnCpu",
            Text($"it frees memory of an NVIDIA GPU, but the device is {device}, where it needs more. Leave it out."))
        : options.EmaEverySteps < 10 ? new TrainingWarning("EmaOnCpu",
            Text($"each update of an average waits for a copy of the weights, and EmaEverySteps is {options.EmaEverySteps}. Use 10."))
        : null;

    private static string Text(InvariantText text) => text.ToString();
}
