using System.Globalization;
using static TorchSharp.torch;

namespace Diffusion.Tool.Sampling;

/// <summary>Saves sampled images as PNG files.</summary>
internal static class ImageFiles
{
    private const int ShownSize = 96;

    /// <summary>Saves one grid if the path ends in .png, otherwise a file for each image in the folder.</summary>
    /// <param name="images">The images, <c>[N, C, H, W]</c>.</param>
    /// <param name="path">The file or folder.</param>
    public static void Save(Tensor images, string path)
    {
        if (path.EndsWith(".png", StringComparison.OrdinalIgnoreCase))
        {
            SaveGrid(images, path);
            return;
        }

        for (long i = 0; i < images.shape[0]; i++)
        {
            using Tensor image = images.narrow(0, i, 1); // [1, C, H, W]
            string file = Path.Combine(path, $"{i.ToString("D6", CultureInfo.InvariantCulture)}.png");
            ImageCodec.Save(DecodedImage.FromTensor(image), file);
        }
    }

    /// <summary>Saves one grid, in which small images are enlarged.</summary>
    public static void SaveGrid(Tensor images, string path) =>
        ImageGrid.Save(images, path, scale: (int)Math.Max(1, ShownSize / images.shape[2]));
}
