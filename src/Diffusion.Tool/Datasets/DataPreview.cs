using Diffusion.Data;
using Diffusion.Tool.RunFiles;
using Diffusion.Tool.Running;
using Diffusion.Tool.Sampling;
using Diffusion.Tool.Terminal;
using TorchSharp;
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
        ImageShape shape = images.Shape;
        byte[] pixels = new byte[shape.Elements];
        using DisposeScope scope = NewDisposeScope();
        List<Tensor> rows = [];
        foreach (long index in SpacedImages.Indices(images, count))
        {
            images.Read(index, pixels, cancellationToken: cancellationToken);
            Tensor bytes = tensor(pixels, [1, shape.Height, shape.Width, shape.Channels]);
            rows.Add(bytes.permute(0, 3, 1, 2).to_type(ScalarType.Float32)); // [1, C, H, W]
        }

        using Tensor grid = cat(rows).div_(255 / 2f).sub_(1f); // [N, C, H, W]
        ImageFiles.SaveGrid(grid, path);
        terminal.Line($"{rows.Count} of {images.Count} images in {path}");
        return ExitCode.Success;
    }
}
