using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>
/// Arithmetic of tensors that keeps each Scalar alive until libtorch has read it. TorchSharp's own operators create a Scalar without a
/// reference, which a garbage collection can free while it is read: also sums of two tensors, whose second one they multiply by a Scalar 1.
/// (With a thread that only collects garbage, 126 of 4,695,000 products failed with "Unknown scalar type".)
/// </summary>
internal static class PinnedScalars
{
    private static readonly Scalar Zero = 0.ToScalar();
    private static readonly Scalar One = 1.ToScalar();
    private static readonly Scalar Two = 2.ToScalar();

    /// <summary>The sum, as a new tensor.</summary>
    public static Tensor Plus(this Tensor tensor, Tensor other) => tensor.add(other, One);

    /// <summary>Adds in place.</summary>
    public static Tensor Increase(this Tensor tensor, Tensor other) => tensor.add_(other, One);

    /// <summary>The squares, as a new tensor.</summary>
    public static Tensor Squared(this Tensor tensor) => tensor.pow(Two);

    /// <summary>The whole numbers from 0 to below a count, as a new tensor.</summary>
    public static Tensor Counting(long count, ScalarType type, Device? device = null)
    {
        using Scalar held = count.ToScalar();
        return arange(Zero, held, One, type, device);
    }

    /// <summary>The product, as a new tensor.</summary>
    public static Tensor Times(this Tensor tensor, double number)
    {
        using Scalar held = number.ToScalar();
        return tensor.mul(held);
    }

    /// <summary>The quotient, as a new tensor.</summary>
    public static Tensor DividedBy(this Tensor tensor, double number)
    {
        using Scalar held = number.ToScalar();
        return tensor.div(held);
    }

    /// <summary>The sum, as a new tensor.</summary>
    public static Tensor Plus(this Tensor tensor, double number)
    {
        using Scalar held = number.ToScalar();
        return tensor.add(held, One);
    }

    /// <summary>Multiplies in place.</summary>
    public static Tensor MultiplyBy(this Tensor tensor, double number)
    {
        using Scalar held = number.ToScalar();
        return tensor.mul_(held);
    }

    /// <summary>Divides in place.</summary>
    public static Tensor DivideBy(this Tensor tensor, double number)
    {
        using Scalar held = number.ToScalar();
        return tensor.div_(held);
    }

    /// <summary>Adds in place.</summary>
    public static Tensor Increase(this Tensor tensor, double number)
    {
        using Scalar held = number.ToScalar();
        return tensor.add_(held, One);
    }

    /// <summary>All numbers clamped to a range, as a new tensor.</summary>
    public static Tensor Between(this Tensor tensor, double min, double max)
    {
        using Scalar low = min.ToScalar();
        using Scalar high = max.ToScalar();
        return tensor.clamp(low, high);
    }

    /// <summary>All numbers clamped to a minimum, as a new tensor.</summary>
    public static Tensor AtLeast(this Tensor tensor, double min)
    {
        using Scalar held = min.ToScalar();
        return tensor.clamp_min(held);
    }

    /// <summary>Where a tensor is a number, as a new tensor of bool.</summary>
    public static Tensor Is(this Tensor tensor, double number)
    {
        using Scalar held = number.ToScalar();
        return tensor.eq(held);
    }

    /// <summary>Where a tensor is a number at most, as a new tensor of bool; not where it is not a number.</summary>
    public static Tensor IsWithin(this Tensor tensor, double number)
    {
        using Scalar held = number.ToScalar();
        return tensor.le(held);
    }

    /// <summary>Sets all numbers.</summary>
    public static Tensor Fill(this Tensor tensor, double number)
    {
        using Scalar held = number.ToScalar();
        return tensor.fill_(held);
    }
}
