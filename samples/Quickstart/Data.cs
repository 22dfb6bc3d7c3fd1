using Diffusion;
using Diffusion.Data;
using Diffusion.Training;
using Samples;

namespace Quickstart;

/// <summary>Opens the images that the command line names.</summary>
internal static class Data
{
    private const int DefaultSize = 32;
    private const int DrawnImages = 10_000;

    /// <summary>The images; they belong to the caller.</summary>
    public static IImageSource Open(Settings settings)
    {
        if (settings.Data is not { } folder)
        {
            return DrawnShapes.Create(DrawnImages, settings.Size ?? DefaultSize, settings.Seed);
        }

        if (!IdxImages.ExistIn(folder))
        {
            return InMemoryImages.Load(ImageFolder.Open(folder, settings.Size ?? DefaultSize));
        }

        IImageSource digits = IdxImages.OpenFolder(folder);
        if (settings.Size is { } size && size != digits.Shape.Height)
        {
            string shape = digits.Shape.ToString();
            digits.Dispose();
            throw new ArgumentException($"--size is {size}, but the IDX files in '{folder}' contain images of {shape}. Leave --size out.");
        }

        return digits;
    }
}
