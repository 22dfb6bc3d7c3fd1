using Diffusion.Training;

namespace Diffusion.Hosting;

/// <summary>What <c>AddDiffusionTraining</c> binds from configuration.</summary>
public sealed class HostedTrainingOptions
{
    /// <summary>The folder of the images. Required unless <see cref="HostedTrainingBuilder.UseData"/> provides them.</summary>
    public string? Images { get; set; }

    /// <summary>Height and width in pixels to which the images of <see cref="Images"/> are resized, at least 1. Default 32.</summary>
    public int ImageSize { get; set; } = 32;

    /// <summary>
    /// The size of the <see cref="UNet2D"/> that is trained, unless <see cref="HostedTrainingBuilder.UseModel"/> provides a model. Default
    /// <see cref="UNet2DSize.Small"/>.
    /// </summary>
    public UNet2DSize Network { get; set; } = UNet2DSize.Small;

    /// <summary>
    /// The device: <c>best</c>, <c>cpu</c>, <c>cuda</c>, <c>cuda:1</c> or <c>mps</c> (<see cref="ComputeDevice.Parse"/>). Default
    /// <c>best</c>.
    /// </summary>
    public string Device { get; set; } = "best";

    /// <summary>Whether the run starts with the host. If not, <see cref="HostedTraining.TryStartAsync"/> starts it. Default true.</summary>
    public bool StartsWithHost { get; set; } = true;

    /// <summary>The options of the run. <see cref="TrainingOptions.RunFolder"/> is required: the run is saved there and resumes.</summary>
    public TrainingOptions Training { get; set; } = new();
}
