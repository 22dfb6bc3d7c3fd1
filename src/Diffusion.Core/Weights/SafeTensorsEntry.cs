using TorchSharp;

namespace Diffusion;

/// <summary>A tensor's entry in a file's header.</summary>
/// <param name="Name">Its name; not empty.</param>
/// <param name="Dtype">Its element type.</param>
/// <param name="Shape">Its dimensions; empty for a scalar.</param>
/// <param name="Begin">Its first byte, counted from the end of the header.</param>
/// <param name="End">The byte after its last.</param>
internal sealed record SafeTensorsEntry(string Name, torch.ScalarType Dtype, long[] Shape, long Begin, long End)
{
    /// <summary>The maximum number of dimensions, as in PyTorch.</summary>
    public const int MaxDimensions = 64;

    /// <summary>How many bytes a tensor takes.</summary>
    /// <exception cref="OverflowException">
    /// More than a long can count, even where another dimension is 0: strides would overflow.
    /// </exception>
    public static long Bytes(ReadOnlySpan<long> shape, torch.ScalarType dtype)
    {
        long bytes = SafeTensorsDtype.Size(dtype);
        foreach (long dimension in shape)
        {
            bytes = checked(bytes * Math.Max(dimension, 1));
        }

        return shape.Contains(0L) ? 0 : bytes;
    }
}
