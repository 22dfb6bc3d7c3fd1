namespace Diffusion.Training;

/// <summary>Finds parts of a run that are possible together but hardly meant so: classes, held-out images, previews, checkpoints.</summary>
internal static class PipelineWarnings
{
    private const long FewHeldOut = 8;

    /// <summary>Everything unusual, with its reason and its remedy.</summary>
    /// <param name="options">The options; possible ones.</param>
    /// <param name="modelClasses">How many classes the network knows, or null.</param>
    /// <param name="dataClasses">How many classes the images have, or null.</param>
    /// <param name="previewSteps">The steps between two calls of each preview.</param>
    /// <param name="heldOut">How many images are held out.</param>
    public static IReadOnlyList<TrainingWarning> Of(
        TrainingOptions options, int? modelClasses, int? dataClasses, IEnumerable<int> previewSteps, long heldOut) =>
    [
        .. ((IEnumerable<TrainingWarning?>)
        [
            Classes(modelClasses, dataClasses),
            HeldOut(heldOut),
            .. previewSteps.Select(everySteps => Preview(everySteps, options.Steps)),
            BestCheckpoints(options),
            CheckpointsForGood(options),
        ]).OfType<TrainingWarning>(),
    ];

    private static TrainingWarning? Classes(int? model, int? data) =>
        data > 1 && model is null ? new TrainingWarning("Network",
            Text($"it has no classes, but the images have {data}: it learns them all alike, and cannot be asked for one of them. Make it "
                + $"with classes: {data}, the ClassCount of the images. If classes do not matter, nothing is wrong."))
        : model > data ? new TrainingWarning("Network",
            Text($"it has {model} classes, but the images only {data}: it never learns what class {data} or one above it looks like. Make "
                + $"it with classes: {data}."))
        : null;

    private static TrainingWarning? HeldOut(long images) => images is > 0 and < FewHeldOut
        ? new TrainingWarning("HoldOutFraction",
            Text($"only {images} images are held out, too few for their loss to say much. Hold out at least {FewHeldOut}."))
        : null;

    private static TrainingWarning? Preview(int everySteps, long steps) => everySteps > steps
        ? new TrainingWarning("AddPreview",
            Text($"a preview is made every {everySteps:N0} steps, but the run has {steps:N0}, so that none is ever made. Use at most "
                + $"{steps:N0}."))
        : null;

    private static TrainingWarning? BestCheckpoints(TrainingOptions options) =>
        options.KeepBestCheckpoints > 0 && options.CheckpointEverySteps % options.HoldOutEverySteps != 0
            ? new TrainingWarning("KeepBestCheckpoints",
                Text($"the held-out loss is measured every {options.HoldOutEverySteps:N0} steps and a checkpoint saved every "
                    + $"{options.CheckpointEverySteps:N0}: one that is saved at another step has no loss to be compared by. Let "
                    + $"CheckpointEverySteps be a multiple of HoldOutEverySteps."))
            : null;

    private static TrainingWarning? CheckpointsForGood(TrainingOptions options) =>
        options.KeepCheckpointsEverySteps is { } kept && kept % options.CheckpointEverySteps != 0
            ? new TrainingWarning("KeepCheckpointsEverySteps",
                Text($"checkpoints are saved every {options.CheckpointEverySteps:N0} steps, so that few or none fall on a multiple of "
                    + $"{kept:N0}. Use a multiple of {options.CheckpointEverySteps:N0}."))
            : null;

    private static string Text(InvariantText text) => text.ToString();
}
