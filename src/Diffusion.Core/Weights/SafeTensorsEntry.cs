using TorchSharp;

namespace Diffusion;

/// <summary>What a file's header says of one tensor.</summary>
/// <param name="Name">Its name; not empty.</param>
/// <param name="Dtype">Its element type.</param>
/// <param name="Shape">Its dimensions; empty for a scalar.</param>
/// <param name="Begin">Its first byte, counted from the end of the header.</param>
/// <param name="End">The byte after its last.</param>
internal sealed record SafeTensorsEntry(string Name, torch.ScalarType Dtype, long[] Shape, long Begin, long End)
{
    /// <summary>The most dimensions a tensor may have, as in PyTorch.</summary>
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
