using System.Globalization;
using Diffusion.Data;

namespace Diffusion.Training;

/// <summary>Finds what is possible but unusual about the images of a run.</summary>
internal static class ImageWarnings
{
    private const string What = "Data";
    private const int MinImages = 8;
    private const double LowContrast = 0.02;

    /// <summary>Everything unusual, with its reason and its remedy.</summary>
    /// <param name="images">Statistics of images spread over the set.</param>
    /// <param name="source">The set.</param>
    /// <param name="modelClasses">How many classes the model has, or null.</param>
    public static IReadOnlyList<TrainingWarning> Of(ImageStatistics images, IImageSource source, int? modelClasses)
    {
        if (images.Images < MinImages)
        {
            return [];
        }

        string looked = string.Create(CultureInfo.InvariantCulture, $"of the {images.Images} images looked at in {source.Description}");
        return
        [
            .. ((IEnumerable<TrainingWarning?>)
            [
                images.RepeatedImages == images.Images - 1
                    ? Warn($"all {looked}, one is like the other: the network can learn nothing but this one. Look at how they are read.")
                    : images.RepeatedImages > images.Images / 2
                    ? Warn($"{images.RepeatedImages} {looked} repeat another: the network overfits to them. Leave the copies out.")
                    : null,
                images.FlatImages > images.Images / 2
                    ? Warn($"{images.FlatImages} {looked} are of one colour only. Look at how they are read and prepared.")
                    : images.Deviations.All(deviation => deviation < LowContrast)
                    ? Warn($"the contrast is very low, a standard deviation of {images.Deviations.Max():G2} in [-1, 1]: samples come out "
                        + $"as one colour. Look at how they are scaled.")
                    : null,
                modelClasses > 1 && images.Labels == 1
                    ? Warn($"all {looked} have one label, but the model has {modelClasses} classes, so that it learns one of them only. "
                        + $"Look at how labels are read.")
                    : null,
            ]).OfType<TrainingWarning>(),
        ];
    }

    private static TrainingWarning Warn(InvariantText text) => new(What, text.ToString());
}
