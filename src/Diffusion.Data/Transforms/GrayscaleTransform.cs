using System.Globalization;

namespace Diffusion.Data;

/// <summary>Implements <see cref="ImageTransform.Grayscale"/> and <see cref="ImageTransform.RandomGrayscale"/>.</summary>
internal sealed class GrayscaleTransform(string name, double? probability) : PixelTransform(name, isRandom: probability is not null)
{
    public override void Apply(ImageCanvas image, SeedStream draws)
    {
        if (image.Channels == 1 || (probability is { } share && draws.Uniform(RandomPurpose.Augmentation, 0) >= share))
        {
            return;
        }

        ColorPlanes planes = new(image);
        planes.Saturate(0);
        planes.Close();
    }

    public override string ToString() => probability is { } share ? string.Create(CultureInfo.InvariantCulture, $"{Name}({share})") : Name;

    internal override string? ProblemWith(int channels) =>
        channels is 1 or 3 ? null : $"{Name} needs images of 1 or 3 channels, but these have {channels}. Remove the transform.";
}
