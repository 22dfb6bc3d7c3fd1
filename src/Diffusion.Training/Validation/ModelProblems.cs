namespace Diffusion.Training;

/// <summary>Finds why a model cannot be trained on images with a schedule, each as: what, actual, expected, remedy.</summary>
internal static class ModelProblems
{
    /// <summary>Every reason; empty when there is none.</summary>
    /// <param name="model">What is trained.</param>
    /// <param name="images">The shape of the images.</param>
    /// <param name="schedule">Which schedule it is trained with.</param>
    public static IReadOnlyList<string> Of(IDiffusionModel model, ImageShape images, INoiseSchedule schedule)
    {
        IReadOnlyList<string> own = model.Problems(images, schedule);
        bool saysSo = own.Count > 0 && model.SampleShape?.Channels != images.Channels; // of the channels the model has said what is wrong
        return
        [
            .. FlatLayout.Problems(model.Network),
            .. own,
            .. model.SampleShape is { } made && made != images && !saysSo ? [OfSize(made, images)] : Array.Empty<string>(),
        ];
    }

    private static string OfSize(ImageShape made, ImageShape images) =>
        $"The images are {images}, but the network was made for {made}, and would be sampled at that size. Make the network for the "
        + "shape of the images, or open the images with the size of the network.";
}
