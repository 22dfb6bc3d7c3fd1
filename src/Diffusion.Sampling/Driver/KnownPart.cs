using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>The known part of images that are filled in.</summary>
internal static class KnownPart
{
    /// <summary>Checks the shapes.</summary>
    /// <exception cref="ArgumentException">The images or the mask do not have the shape.</exception>
    public static void Check(Tensor known, Tensor mask)
    {
        ArgumentNullException.ThrowIfNull(known);
        ArgumentNullException.ThrowIfNull(mask);
        if (known.dim() != 4 || !known.is_floating_point())
        {
            throw new ArgumentException(
                $"The known images are {known.dtype} [{string.Join(", ", known.shape)}], but must be floating point [1 or B, C, H, W].",
                nameof(known));
        }

        bool fits = mask.dim() == 4 && mask.shape.Zip(known.shape).All(pair => pair.First == 1 || pair.First == pair.Second);
        if (!fits)
        {
            throw new ArgumentException(
                $"The mask is [{string.Join(", ", mask.shape)}], but must broadcast to the images "
                + $"[{string.Join(", ", known.shape)}]: each of its four dimensions must be 1 or that of the images.", nameof(mask));
        }
    }

    /// <summary>Images whose known part is replaced.</summary>
    /// <exception cref="ArgumentException">The known images are not of the images' shape.</exception>
    public static Tensor Put(Tensor images, Tensor known, Tensor mask)
    {
        if (!known.shape.AsSpan(1).SequenceEqual(images.shape.AsSpan(1)) || (known.shape[0] != 1 && known.shape[0] != images.shape[0]))
        {
            throw new ArgumentException(
                $"The known images are [{string.Join(", ", known.shape)}], but the sampled ones are [{string.Join(", ", images.shape)}]. "
                + "Give one known image for all, or one for each and a BatchSize of at least their number.");
        }

        using DisposeScope scope = NewDisposeScope();
        Tensor weight = mask.to(images.dtype).to(images.device);
        Tensor replaced = images.Plus(weight * (known.to(images.dtype).to(images.device) - images));
        return replaced.MoveToOuterDisposeScope();
    }
}
