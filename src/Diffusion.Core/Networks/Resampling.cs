using System.Diagnostics;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Diffusion;

/// <summary>What a residual block does to the size of its images, without weights.</summary>
internal enum Resampling
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Averages 2 x 2 pixels.</summary>
    Halve,

    /// <summary>Repeats each pixel 2 x 2 times.</summary>
    Double,
}

/// <summary>The arithmetic of <see cref="Resampling"/>.</summary>
internal static class ResamplingFunctions
{
    /// <summary>Resamples <c>[B, C, H, W]</c>; the result belongs to the caller.</summary>
    public static Tensor Apply(this Resampling resampling, Tensor x) => resampling switch
    {
        Resampling.Halve => functional.avg_pool2d(x, 2, stride: 2),
        Resampling.Double => functional.interpolate(x, scale_factor: [2, 2]),
        _ => throw new UnreachableException(),
    };
}
