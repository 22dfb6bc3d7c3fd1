using Diffusion.Tool.RunFiles;
using Diffusion.Tool.Terminal;

namespace Diffusion.Tool.Running;

/// <summary>Creates the network of a run.</summary>
internal static class RunNetwork
{
    /// <summary>Creates the network for images of a shape.</summary>
    /// <param name="run">The run.</param>
    /// <param name="images">The shape of the images.</param>
    /// <param name="classes">The number of classes of the images; null for none.</param>
    /// <returns>The network; the caller disposes it.</returns>
    /// <exception cref="ToolUsageException">There is no such network for these images.</exception>
    public static IDiffusionModel Create(RunFile run, ImageShape images, int? classes)
    {
        NetworkSection section = run.Network;

        // Label dropout replaces some classes by one more, "no class".
        int? used = section.Classes ? classes + (run.Training.Objective.LabelDropout > 0 ? 1 : 0) : null;
        try
        {
            ImageShape shape = section.PatchSize == 1 ? images : PatchedModel.PatchShape(images, section.PatchSize);
            UNet2D unet = new(UNet2DOptions.ForImages(shape, section.Size, used), run.Training.Seed);
            return section.PatchSize == 1 ? unet : new PatchedModel(unet, section.PatchSize);
        }
        catch (ArgumentException error)
        {
            throw new ToolUsageException($"network: {error.Message}");
        }
    }
}
