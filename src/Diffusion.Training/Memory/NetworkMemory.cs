namespace Diffusion.Training;

/// <summary>The memory of training a network: what it may use, and what it is estimated to use.</summary>
internal static class NetworkMemory
{
    /// <summary>The memory that training may use, in bytes; null if it is not known.</summary>
    public static long? BudgetOf(TrainingOptions options, ComputeDevice device) => options.MemoryBudgetBytes ?? device.MemoryBytes;

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
