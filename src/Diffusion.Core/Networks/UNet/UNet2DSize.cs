namespace Diffusion;

/// <summary>How large a network <see cref="UNet2DOptions.ForImages(ImageShape, UNet2DSize, int?)"/> proposes.</summary>
public enum UNet2DSize
{
    /// <summary>For a CPU, and for a first look: half the channels of <see cref="Medium"/> and one residual block per level.</summary>
    Small,

    /// <summary>For a GPU, or for a night on a CPU with small images.</summary>
    Medium,

    /// <summary>For a GPU: twice the channels of <see cref="Medium"/>, about the size of the networks in Ho et al. 2020.</summary>
    Large,
}
