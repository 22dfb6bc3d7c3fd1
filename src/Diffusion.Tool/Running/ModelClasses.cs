using Diffusion.Tool.RunFiles;

namespace Diffusion.Tool.Running;

/// <summary>The classes of images that a trained model can sample.</summary>
internal static class ModelClasses
{
    /// <summary>The number of classes, without the class that label dropout adds; null for a model without classes.</summary>
    public static int? Of(TrainedModel model) =>
        model.Denoiser.Model.ClassCount is { } count ? count - (HasNoClass(model) ? 1 : 0) : null;

    // A checkpoint is two folders below the folder of its run.
    private static bool HasNoClass(TrainedModel model) =>
        Path.GetDirectoryName(Path.GetDirectoryName(model.Folder)) is { } folder
        && RunFileReader.ReadResolved(folder) is { Training.Objective.LabelDropout: > 0 };
}
