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
        try
        {
            return run.Training.Objective.CreateNetwork(
                images, section.Size, section.Classes ? classes : null, section.PatchSize, run.Training.Seed,
                section.Unet.Apply);
        }
        catch (ArgumentException error)
        {
            throw new ToolUsageException($"network: {UNetNames.InRunFile(error.Message)}");
        }
    }
}
