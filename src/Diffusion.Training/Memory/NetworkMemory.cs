using TorchSharp;

namespace Diffusion.Training;

/// <summary>The memory of training a network: what it may use, and what it is estimated to use.</summary>
internal static class NetworkMemory
{
    private const double ShareOfGpu = 0.9;

    /// <summary>The memory that training may use in each process, in bytes; null if it is not known.</summary>
    /// <param name="options">The options of the run.</param>
    /// <param name="device">Its device.</param>
    /// <param name="processes">The number of processes of the run that share the memory of this machine.</param>
    public static long? BudgetOf(TrainingOptions options, ComputeDevice device, int processes) => options.MemoryBudgetBytes
        ?? (device.Type == DeviceType.CPU ? device.MemoryBytes / processes : (long?)(device.MemoryBytes * ShareOfGpu));

    /// <summary>Whether the memory of training a model can be estimated: a U-Net, perhaps within models of the library.</summary>
    public static bool IsKnown(IDiffusionModel model) => model switch
    {
        UNet2D => true,
        PatchedModel patched => IsKnown(patched.Inner),
        SelfConditionedModel conditioned => IsKnown(conditioned.Inner),
        _ => false,
    };

    /// <summary>The U-Net of a model whose memory <see cref="IsKnown"/>, and the size of the images that it gets.</summary>
    /// <param name="model">The model.</param>
    /// <param name="images">The size of the images that the model gets.</param>
    public static (UNet2DOptions Network, ImageShape Images) NetworkOf(IDiffusionModel model, ImageShape images) => model switch
    {
        UNet2D unet => (unet.Options, images),
        PatchedModel patched => NetworkOf(patched.Inner, PatchedModel.PatchShape(images, patched.PatchSize)),
        SelfConditionedModel conditioned => NetworkOf(conditioned.Inner, images with { Channels = 2 * images.Channels }),
        _ => throw new InvalidOperationException($"The memory of training a {model.GetType().Name} cannot be estimated."),
    };
}
