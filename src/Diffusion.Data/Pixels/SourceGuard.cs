namespace Diffusion.Data;

/// <summary>Argument checks of the image sources.</summary>
internal static class SourceGuard
{
    public static void Index(long index, long count)
    {
        if ((ulong)index >= (ulong)count)
        {
            throw new ArgumentOutOfRangeException(nameof(index), index, $"Image {index} is outside 0..{count - 1}.");
        }
    }

    public static void Destination(ReadOnlySpan<byte> destination, long expected)
    {
        if (destination.Length != expected)
        {
            throw new ArgumentException($"The destination has {destination.Length} bytes, but one image has {expected}.",
                nameof(destination));
        }
    }

    public static InvalidOperationException NoLabels() => new("The images have no labels: ClassCount is null.");

    /// <summary>The number of classes: as given, or one more than the largest label.</summary>
    public static int ClassCount(long maxLabel, int? given, string name)
    {
        if (maxLabel >= (given ?? int.MaxValue))
        {
            throw new ImageDataException(
                name, $"the largest label is {maxLabel}, but labels must be in 0..{(given ?? int.MaxValue) - 1}. "
                + "Count classes from 0, or raise the class count.");
        }

        return given ?? (int)maxLabel + 1;
    }
}
