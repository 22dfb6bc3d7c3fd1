using Diffusion.Data;

namespace Diffusion.Benchmarks;

/// <summary>The datasets of real images in the folder that the environment variable <c>DIFFUSION_DATA</c> names.</summary>
internal static class RealImages
{
    private const int Size = 32;

    /// <summary>The names: handwritten digits, 28 x 28; tiles of a game and photographs of hand signs, 32 x 32.</summary>
    public static IReadOnlyList<string> Names { get; } = ["mnist", "tiles", "signs"];

    /// <summary>Opens a dataset.</summary>
    /// <returns>The images, or null if they are not there.</returns>
    public static IImageSource? Open(string name)
    {
        if (Environment.GetEnvironmentVariable("DIFFUSION_DATA") is not { } root)
        {
            return null;
        }

        string folder = name switch
        {
            "mnist" => Path.Combine(root, "mnist"),
            "tiles" => Path.Combine(root, "dcss-tiles", "images"),
            _ => Path.Combine(root, "sign-digits", "images"),
        };
        return !Directory.Exists(folder) ? null
            : name == "mnist" ? IdxImages.OpenFolder(folder)
            : InMemoryImages.Load(ImageFolder.Open(folder, Size));
    }
}
