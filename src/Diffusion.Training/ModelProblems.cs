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
        return model.SampleShape is not { } made || made == images || (own.Count > 0 && made.Channels != images.Channels)
            ? own
            :
            [
                .. own,
                $"The images are {images}, but the network was made for {made}, and would be sampled at that size. Make the network for the images, "
                + $"UNet2DOptions.ForImages(images.Shape, ...), or open the images with the size of the network.",
            ];
    }
}
