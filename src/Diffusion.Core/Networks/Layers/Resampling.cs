using System.Diagnostics;
using TorchSharp;
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

    /// <summary>
    /// Filters by (1, 3, 3, 1) / 8 in both directions, with zero padding (Karras et al. 2020, StyleGAN2).
    /// </summary>
    HalveSmoothly,

    /// <summary>The transpose of <see cref="HalveSmoothly"/>, times 4, which keeps the mean.</summary>
    DoubleSmoothly,
}

/// <summary>The arithmetic of <see cref="Resampling"/>.</summary>
internal static class ResamplingFunctions
{
    /// <summary>Resamples <c>[B, C, H, W]</c>; the result belongs to the caller.</summary>
    public static Tensor Apply(this Resampling resampling, Tensor x) => resampling switch
    {
        Resampling.Halve => functional.avg_pool2d(x, 2, stride: 2),
        Resampling.Double => functional.interpolate(x, scale_factor: [2, 2]),
        Resampling.HalveSmoothly => HalveSmoothly(x),
        Resampling.DoubleSmoothly => DoubleSmoothly(x),
        _ => throw new UnreachableException(),
    };

    private static Tensor HalveSmoothly(Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor planes = x.reshape(-1, 1, x.shape[2], x.shape[3]); // [B * C, 1, H, W]
        Tensor halved = functional.conv2d(planes, Kernel(x, sum: 1), strides: [2, 2], padding: [1, 1]);
        return halved.view(x.shape[0], x.shape[1], x.shape[2] / 2, x.shape[3] / 2).MoveToOuterDisposeScope();
    }

    private static Tensor DoubleSmoothly(Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor planes = x.reshape(-1, 1, x.shape[2], x.shape[3]); // [B * C, 1, H, W]
        Tensor doubled = functional.conv_transpose2d(planes, Kernel(x, sum: 4), strides: [2, 2], padding: [1, 1]);
        return doubled.view(x.shape[0], x.shape[1], 2 * x.shape[2], 2 * x.shape[3]).MoveToOuterDisposeScope();
    }

    // [1, 1, 4, 4], exact in every dtype. Computed on the device itself, as a copy from the CPU would wait for the device.
    private static Tensor Kernel(Tensor like, int sum)
    {
        Tensor places = PinnedScalars.Counting(4, ScalarType.Float32, like.device);
        Tensor weights = places.Plus(-1.5).abs().Times(-2).Plus(4); // 1, 3, 3, 1
        return (weights.unsqueeze(0) * weights.unsqueeze(1)).Times(sum / 64.0).view(1, 1, 4, 4).to(like.dtype);
    }
}
