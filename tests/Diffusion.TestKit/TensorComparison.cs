using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.TestKit;

/// <summary>Compares tensors element by element.</summary>
public static class TensorComparison
{
    /// <summary>The maximum absolute difference of two tensors of the same shape, in float64; NaN if either contains NaN.</summary>
    public static double MaxDifference(this Tensor actual, Tensor expected)
    {
        ArgumentNullException.ThrowIfNull(actual);
        ArgumentNullException.ThrowIfNull(expected);
        if (!actual.shape.AsSpan().SequenceEqual(expected.shape))
        {
            throw new ArgumentException($"Shapes differ: [{string.Join(", ", actual.shape)}] and [{string.Join(", ", expected.shape)}].");
        }

        using DisposeScope scope = NewDisposeScope();
        return (actual.to(ScalarType.Float64).cpu() - expected.to(ScalarType.Float64).cpu()).abs().max().item<double>();
    }

    /// <summary>Whether two tensors have the same type, shape and bits.</summary>
    public static bool SameBits(this Tensor actual, Tensor expected)
    {
        ArgumentNullException.ThrowIfNull(actual);
        ArgumentNullException.ThrowIfNull(expected);
        using DisposeScope scope = NewDisposeScope();
        return actual.dtype == expected.dtype
            && actual.shape.AsSpan().SequenceEqual(expected.shape)
            && actual.contiguous().cpu().bytes.SequenceEqual(expected.contiguous().cpu().bytes);
    }
}
