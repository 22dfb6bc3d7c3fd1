using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// Sums of squares over whole flat buffers that are right to 1e-6 whatever the processor: short rows in float32, the rows in float64. One
/// dot product over 2^24 equal numbers is wrong by up to 8e-4, depending on the processor, and takes as long, as memory is what limits
/// both.
/// </summary>
internal static class SumOfSquares
{
    private const long Row = 512;

    /// <summary>The type that long sums are gathered in on a device. The GPUs of Apple have no float64.</summary>
    public static ScalarType TypeOn(Device device) => device.type == DeviceType.MPS ? ScalarType.Float32 : ScalarType.Float64;

    /// <summary>
    /// The sum of the squares of all numbers, a scalar of <see cref="TypeOn"/> on their device; it belongs to the caller.
    /// </summary>
    /// <param name="flat">float32 <c>[n]</c>, contiguous.</param>
    public static Tensor Of(Tensor flat)
    {
        using DisposeScope scope = NewDisposeScope();
        long whole = flat.shape[0] / Row * Row;
        Tensor sum = OfRows(flat.narrow(0, 0, whole), Row).sum();
        return sum.Plus(OfRows(flat.narrow(0, whole, flat.shape[0] - whole), flat.shape[0] - whole).sum()).MoveToOuterDisposeScope();
    }

    /// <summary>The sum of squares of each row, <c>[n / row]</c> of <see cref="TypeOn"/>; it belongs to the caller.</summary>
    /// <param name="flat">float32 <c>[n]</c>, contiguous.</param>
    /// <param name="row">Numbers of a row, at most a few hundred; divides n.</param>
    public static Tensor OfRows(Tensor flat, long row)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor norms = flat.view(row == 0 ? 0 : flat.shape[0] / row, row).norm(dim: 1);
        return norms.to(TypeOn(flat.device)).Squared().MoveToOuterDisposeScope();
    }
}
