using Diffusion.Data;
using Diffusion.Tool.RunFiles;
using Diffusion.Tool.Terminal;

namespace Diffusion.Tool.Running;

/// <summary>The transforms that a run file names.</summary>
internal static class RunAugmentation
{
    /// <summary>The transforms in their order: crops first, then changes of pixels.</summary>
    /// <exception cref="ToolUsageException">A value is out of range.</exception>
    public static IReadOnlyList<ImageTransform> Of(AugmentationSection section)
    {
        try
        {
            return [.. All(section)];
        }
        catch (ArgumentException error)
        {
            throw new ToolUsageException($"data.augmentation: {error.Message}");
        }
    }

    private static IEnumerable<ImageTransform> All(AugmentationSection section)
    {
        if (section.RandomSquare is { } fraction)
        {
            yield return ImageTransform.RandomSquare(fraction);
        }

        if (section.RandomResizedCrop is { } area)
        {
            yield return ImageTransform.RandomResizedCrop(area);
        }

        if (section.Flip != 0)
        {
            yield return ImageTransform.RandomFlip(section.Flip);
        }

        if ((section.Brightness, section.Contrast, section.Saturation, section.Hue) != (0, 0, 0, 0))
        {
            yield return ImageTransform.ColorJitter(section.Brightness, section.Contrast, section.Saturation, section.Hue);
        }

        if (section.Grayscale != 0)
        {
            yield return ImageTransform.RandomGrayscale(section.Grayscale);
        }
    }
}
