namespace Diffusion.Tool.RunFiles;

/// <summary>The network: a <see cref="UNet2D"/> for the shape of the images.</summary>
internal sealed class NetworkSection
{
    /// <summary>Small for a CPU, medium or large for a GPU. Default small.</summary>
    public UNet2DSize Size { get; set; } = UNet2DSize.Small;

    /// <summary>The size of the patches whose pixels become channels. Default 1: none.</summary>
    public int PatchSize { get; set; } = 1;

    /// <summary>Whether the network learns the classes of the images, if they have classes. Default true.</summary>
    public bool Classes { get; set; } = true;

    /// <summary>The options of the network that the size does not choose.</summary>
    public UNetSection Unet { get; set; } = new();
}
