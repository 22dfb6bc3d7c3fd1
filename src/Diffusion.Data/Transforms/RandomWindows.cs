using System.Globalization;

namespace Diffusion.Data;

/// <summary>Crops of random size at a random place.</summary>
internal static class RandomWindows
{
    private const int Attempts = 10;

    /// <summary>Implements <see cref="ImageTransform.RandomSquare"/>.</summary>
    public static ImageTransform Square(double minFraction)
    {
        if (minFraction is not (> 0 and <= 1))
        {
            throw new ArgumentOutOfRangeException(
                nameof(minFraction), minFraction,
                $"The minimum fraction is {minFraction}, but must be above 0 and at most 1. Use 0.8, or 1 for the largest squares.");
        }

        return new WindowTransform("RandomSquare", string.Create(CultureInfo.InvariantCulture, $"{minFraction}"), isRandom: true,
            (frame, _, draws) =>
        {
            int shorter = Math.Min(frame.Width, frame.Height);
            if (draws is not { } stream)
            {
                return frame.Crop(frame.Center(shorter, shorter));
            }

            double share = 1 - (stream.Uniform(RandomPurpose.Augmentation, 0) * (1 - minFraction));
            int side = Math.Max((int)Math.Round(shorter * share), 1);
            return frame.Crop(frame.RandomWindow(side, side, stream));
        });
    }

    /// <summary>Implements <see cref="ImageTransform.RandomResizedCrop"/>.</summary>
    public static ImageTransform Resized(double minArea, double maxArea, double minAspect, double maxAspect)
    {
        if (!(minArea > 0 && minArea <= maxArea && maxArea <= 1))
        {
            throw new ArgumentOutOfRangeException(
                nameof(minArea), minArea,
                $"The area is {minArea} to {maxArea} of the image, but must be an increasing range within (0, 1]. Use 0.08 and 1.");
        }

        if (!(minAspect > 0 && minAspect <= maxAspect && maxAspect <= 100))
        {
            throw new ArgumentOutOfRangeException(
                nameof(minAspect), minAspect,
                $"The aspect ratio is {minAspect} to {maxAspect}, but must be an increasing range within (0, 100]. "
                + "Use 0.75 and 1.3333, or 1 and 1 for squares.");
        }

        string settings = string.Create(CultureInfo.InvariantCulture,
            $"area {minArea:G6} to {maxArea:G6}, aspect {minAspect:G6} to {maxAspect:G6}");
        return new WindowTransform("RandomResizedCrop", settings, isRandom: true, (frame, target, draws) =>
        {
            ImageFrame part = draws is { } stream
                ? frame.Crop(Draw(frame, minArea, maxArea, Math.Log(minAspect), Math.Log(maxAspect), stream))
                : frame.CropToShape(target);
            return part.Resized(target.Width, target.Height);
        });
    }

    // Like torchvision's RandomResizedCrop.get_params: ten attempts, then the largest centered window with a permitted aspect ratio.
    private static ImageWindow Draw(ImageFrame frame, double minArea, double maxArea, double minLog, double maxLog, SeedStream draws)
    {
        double area = (double)frame.Width * frame.Height;
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            SeedStream stream = draws.Child(RandomPurpose.Augmentation, attempt);
            double wanted = area * (minArea + ((maxArea - minArea) * stream.Uniform(RandomPurpose.Augmentation, 0)));
            double aspect = Math.Exp(minLog + ((maxLog - minLog) * stream.Uniform(RandomPurpose.Augmentation, 3)));
            int width = (int)Math.Round(Math.Sqrt(wanted * aspect));
            int height = (int)Math.Round(Math.Sqrt(wanted / aspect));
            if (width >= 1 && height >= 1 && width <= frame.Width && height <= frame.Height)
            {
                return frame.RandomWindow(width, height, stream);
            }
        }

        double shape = (double)frame.Width / frame.Height;
        double nearest = Math.Clamp(shape, Math.Exp(minLog), Math.Exp(maxLog));
        return nearest == shape
            ? frame.Center(frame.Width, frame.Height)
            : frame.Center(
                nearest > shape ? frame.Width : Math.Max((int)Math.Round(frame.Height * nearest), 1),
                nearest > shape ? Math.Max((int)Math.Round(frame.Width / nearest), 1) : frame.Height);
    }
}
