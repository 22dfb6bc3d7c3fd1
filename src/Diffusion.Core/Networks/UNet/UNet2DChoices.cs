namespace Diffusion;

/// <summary>What one level of a <see cref="UNet2D"/> does on the way down.</summary>
public enum DownBlockType
{
    /// <summary>Residual blocks, then a strided convolution.</summary>
    DownBlock2D,

    /// <summary>Residual blocks, each followed by self-attention, then <see cref="UNet2DOptions.DownsampleType"/>.</summary>
    AttnDownBlock2D,

    /// <summary>Residual blocks, then a residual block that halves its images by averaging.</summary>
    ResnetDownsampleBlock2D,

    /// <summary>
    /// Residual blocks, then one that halves its images smoothly, to which the network's own images, halved as smoothly, are added
    /// (Song et al. 2021, NCSN++). It chooses its numbers of groups itself. Needs 3 input channels.
    /// </summary>
    SkipDownBlock2D,

    /// <summary>
    /// As <see cref="SkipDownBlock2D"/>, with self-attention after each residual block. Needs channels that divide by 32.
    /// </summary>
    AttnSkipDownBlock2D,
}

/// <summary>What one level of a <see cref="UNet2D"/> does on the way up.</summary>
public enum UpBlockType
{
    /// <summary>Residual blocks, then nearest-neighbor doubling and a convolution.</summary>
    UpBlock2D,

    /// <summary>Residual blocks, each followed by self-attention, then <see cref="UNet2DOptions.UpsampleType"/>.</summary>
    AttnUpBlock2D,

    /// <summary>Residual blocks, then a residual block that doubles its images.</summary>
    ResnetUpsampleBlock2D,

    /// <summary>
    /// Residual blocks, then one that doubles its images smoothly. Each level also adds an image of its own size to the network's output
    /// (Song et al. 2021, NCSN++). It chooses its numbers of groups itself. Needs 3 output channels.
    /// </summary>
    SkipUpBlock2D,

    /// <summary>
    /// As <see cref="SkipUpBlock2D"/>, with self-attention after the last residual block. Needs channels that divide by 32.
    /// </summary>
    AttnSkipUpBlock2D,
}

/// <summary>How a level with attention changes the size of its images.</summary>
public enum ResamplingType
{
    /// <summary>With a convolution.</summary>
    Conv,

    /// <summary>With a residual block.</summary>
    Resnet,
}

/// <summary>How the noise level is embedded.</summary>
public enum TimeEmbeddingType
{
    /// <summary>Sines and cosines of the label at fixed frequencies (Vaswani et al. 2017, section 3.5).</summary>
    Positional,

    /// <summary>
    /// Sines and cosines of the label's logarithm at fixed random frequencies (Song et al. 2021, appendix C). For labels that are
    /// positive noise levels, by which the output is divided.
    /// </summary>
    Fourier,

    /// <summary>A learned vector for each label. Labels are whole numbers below <see cref="UNet2DOptions.NumTrainTimesteps"/>.</summary>
    Learned,
}

/// <summary>How the time embedding enters a residual block.</summary>
public enum TimeScaleShift
{
    /// <summary>It is added between the convolutions.</summary>
    Default,

    /// <summary>It scales and shifts the second normalization (Dhariwal and Nichol 2021, adaptive group normalization).</summary>
    ScaleShift,
}

/// <summary>What the class labels are when they are not indices of learned embeddings.</summary>
public enum ClassEmbedType
{
    /// <summary>Numbers <c>[B]</c>, embedded as the timesteps are.</summary>
    Timestep,

    /// <summary>Embeddings themselves, numbers <c>[B, time embedding dimension]</c>.</summary>
    Identity,
}

/// <summary>The non-linearity of the residual blocks.</summary>
public enum Activation
{
    /// <summary>x * sigmoid(x), also known as swish.</summary>
    Silu,

    /// <summary>x * tanh(softplus(x)).</summary>
    Mish,

    /// <summary>x * Phi(x), exact.</summary>
    Gelu,

    /// <summary>max(x, 0).</summary>
    Relu,
}
