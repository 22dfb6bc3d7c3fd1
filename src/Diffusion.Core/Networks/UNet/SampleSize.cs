namespace Diffusion;

/// <summary>Height and width of the images a network was built for; a single number is a square.</summary>
/// <param name="Height">In pixels.</param>
/// <param name="Width">In pixels.</param>
public readonly record struct SampleSize(int Height, int Width)
{
    /// <summary>A square.</summary>
    /// <param name="size">Height and width in pixels.</param>
    public static implicit operator SampleSize(int size) => new(size, size);

    /// <summary>A square.</summary>
    /// <param name="size">Height and width in pixels.</param>
    public static SampleSize FromInt32(int size) => size;
}
