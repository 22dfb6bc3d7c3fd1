using Diffusion.Data;
using Diffusion.Tool.RunFiles;
using Diffusion.Tool.Running;
using Diffusion.Tool.Sampling;
using Diffusion.Tool.Terminal;
using static TorchSharp.torch;

namespace Diffusion.Tool.Datasets;

/// <summary>Writes a grid of images of a source.</summary>
internal static class DataPreview
{
    public static int Execute(DataSection data, int count, string path, ToolTerminal terminal, CancellationToken cancellationToken)
    {
        if (count < 1)
        {
            throw new ToolUsageException($"--count is {count}, but must be at least 1.");
        }

        TorchBackend.EnsureLoaded();
        using IImageSource images = RunData.Open(data, cancellationToken);
        long[] indices = [.. SpacedImages.Indices(images, count)];
        using Tensor grid = tensor(Read(images, indices, cancellationToken), Shape(images.Shape, indices.Length)); // [N, C, H, W]
        ImageFiles.SaveGrid(grid, path);
        terminal.Line($"{indices.Length} of {images.Count} images in {path}");
        return ExitCode.Success;
    }

    private static long[] Shape(ImageShape shape, int count) => [count, shape.Channels, shape.Height, shape.Width];

    // Bytes [H, W, C] of each image become numbers [C, H, W] in [-1, 1].
    private static float[] Read(IImageSource images, long[] indices, CancellationToken cancellationToken)
    {
        int elements = checked((int)images.Shape.Elements);
        int channels = images.Shape.Channels;
        int area = elements / channels;
        byte[] pixels = new byte[elements];
        float[] values = new float[indices.Length * elements];
        for (int image = 0; image < indices.Length; image++)
        {
            images.Read(indices[image], pixels, cancellationToken: cancellationToken);
            for (int i = 0; i < elements; i++)
            {
                values[(image * elements) + (i % channels * area) + (i / channels)] = (pixels[i] / 127.5f) - 1;
            }
        }

        return values;
    }
}
