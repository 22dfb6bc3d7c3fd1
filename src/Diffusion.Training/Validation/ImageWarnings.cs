using System.Globalization;
using Diffusion.Data;

namespace Diffusion.Training;

/// <summary>Finds valid but unusual properties of the images of a run.</summary>
internal static class ImageWarnings
{
    private const string Option = "Data";
    private const int MinImages = 8;
    private const double LowContrast = 0.02;

    /// <summary>Returns a warning with reason and remedy for each unusual property.</summary>
    /// <param name="images">The statistics of images spread over the dataset.</param>
    /// <param name="source">The dataset.</param>
    /// <param name="modelClasses">The number of classes of the model, or null.</param>
    public static IReadOnlyList<TrainingWarning> Of(ImageStatistics images, IImageSource source, int? modelClasses)
    {
        if (images.Images < MinImages)
        {
            return [];
        }

        string examined = string.Create(
            CultureInfo.InvariantCulture, $"of the {images.Images} images examined in {source.Description}");
        return
        [
            .. ((IEnumerable<TrainingWarning?>)
            [
                images.RepeatedImages == images.Images - 1
                    ? Warn($"all {examined} are identical: the network can learn only this image. Check how the images are read.")
                    : images.RepeatedImages > images.Images / 2
                    ? Warn($"{images.RepeatedImages} {examined} are copies of others: the network overfits to them. Remove the copies.")
                    : null,
                images.FlatImages > images.Images / 2
                    ? Warn($"{images.FlatImages} {examined} have only one color. Check how the images are read and prepared.")
                    : images.Deviations.All(deviation => deviation < LowContrast)
                    ? Warn($"the contrast is very low, with a standard deviation of {images.Deviations.Max():G2} in [-1, 1]: samples will "
                        + $"have only one color. Check how the images are scaled.")
                    : null,
                modelClasses > 1 && images.Labels == 1
                    ? Warn($"all {examined} have the same label, but the model has {modelClasses} classes, so it learns only one of them. "
                        + $"Check how the labels are read.")
                    : null,
            ]).OfType<TrainingWarning>(),
        ];
    }

    private static TrainingWarning Warn(InvariantText text) => new(Option, text.ToString());
}
