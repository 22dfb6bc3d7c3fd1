namespace Diffusion;

/// <summary>The size of the network of <see cref="UNet2DOptions.ForImages(ImageShape, UNet2DSize, int?)"/>.</summary>
public enum UNet2DSize
{
    /// <summary>For a CPU or a first try: half the channels of <see cref="Medium"/> and one residual block per level.</summary>
    Small,

    /// <summary>For a GPU, or for small images and a night on a CPU.</summary>
    Medium,

    /// <summary>For a GPU: twice the channels of <see cref="Medium"/>, about the size of the networks in Ho et al. 2020.</summary>
    Large,
}
