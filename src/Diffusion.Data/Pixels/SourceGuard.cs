namespace Diffusion.Data;

/// <summary>Checks that every image source makes of its caller.</summary>
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

    /// <summary>The number of classes: as given, or one more than the highest label.</summary>
    public static int ClassCount(long maxLabel, int? given, string name)
    {
        if (maxLabel >= (given ?? int.MaxValue))
        {
            throw new ImageDataException(
                name, $"the highest label is {maxLabel}, but labels must lie in 0..{(given ?? int.MaxValue) - 1}. Count classes from "
                    + $"0, or state more of them.");
        }

        return given ?? (int)maxLabel + 1;
    }
}
