namespace Diffusion.Training;

/// <summary>
/// Finds the reasons why a model cannot be trained on the images with the schedule. Each message says what, actual, expected, remedy.
/// </summary>
internal static class ModelProblems
{
    /// <summary>Returns all reasons; empty if there are none.</summary>
    /// <param name="model">The model to train.</param>
    /// <param name="images">The shape of the images.</param>
    /// <param name="schedule">The noise schedule.</param>
    public static IReadOnlyList<string> Of(IDiffusionModel model, ImageShape images, INoiseSchedule schedule)
    {
        IReadOnlyList<string> own = model.Problems(images, schedule);
        bool isReported = own.Count > 0 && model.SampleShape?.Channels != images.Channels; // the model reports wrong channels itself
        return
        [
            .. FlatLayout.Problems(model.Network),
            .. own,
            .. model.SampleShape is { } expected && expected != images && !isReported ? [OfSize(expected, images)] : Array.Empty<string>(),
        ];
    }

    private static string OfSize(ImageShape expected, ImageShape images) =>
        $"The images are {images}, but the network was created for {expected}, and sampling would use that size. Create the network for "
        + "the shape of the images, or open the images at the size of the network.";
}
