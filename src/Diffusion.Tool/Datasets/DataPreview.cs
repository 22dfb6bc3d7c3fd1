using Diffusion.Data;
using Diffusion.Tool.RunFiles;
using Diffusion.Tool.Running;
using Diffusion.Tool.Sampling;
using Diffusion.Tool.Terminal;

namespace Diffusion.Tool.Datasets;

/// <summary>Writes a grid of images of a source.</summary>
internal static class DataPreview
{
    public static int Execute(DataSection data, int count, string path, ToolTerminal terminal, CancellationToken cancellationToken)
    {
        ArgumentCheck.ThrowIfAny(("--count", ArgumentCheck.AtLeast(1, count)));
        using IImageSource images = RunData.Open(data, cancellationToken);
        long[] indices = [.. SpacedImages.Indices(images, count)];
        using ImageBatch batch = new BatchReader(images).Read(indices);
        ImageFiles.SaveGrid(batch.Pixels, path);
        terminal.Line($"{indices.Length} of {images.Count} images in {path}");
        return ExitCode.Success;
    }
}
