namespace Diffusion;

/// <summary>The memory that a group normalisation reads and writes. Images are <c>[N, C, H, W]</c>, of one element type.</summary>
internal readonly unsafe struct GroupNormMemory
{
    /// <summary>The images that are normalised.</summary>
    public required byte* Input { get; init; }

    /// <summary>Forward the result, backward the gradient of the images.</summary>
    public required byte* Output { get; init; }

    /// <summary>The weight of each channel.</summary>
    public required float* Weight { get; init; }

    /// <summary>The bias of each channel.</summary>
    public required float* Bias { get; init; }

    /// <summary>The mean of each group of each image: written forward, read backward.</summary>
    public required float* Mean { get; init; }

    /// <summary>1 / deviation of each group of each image: written forward, read backward.</summary>
    public required float* InverseDeviation { get; init; }

    /// <summary>Backward only: the gradient of the result.</summary>
    public byte* OutputGradient { get; init; }

    /// <summary>Backward only: of each channel of each image, its summand of the weight's gradient.</summary>
    public float* WeightSums { get; init; }

    /// <summary>Backward only: of each channel of each image, its summand of the bias's gradient.</summary>
    public float* BiasSums { get; init; }
}
