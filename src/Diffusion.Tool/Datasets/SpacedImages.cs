using Diffusion.Data;

namespace Diffusion.Tool.Datasets;

/// <summary>Images that are spread evenly over a source.</summary>
internal static class SpacedImages
{
    /// <summary>The indices of up to <paramref name="max"/> images.</summary>
    public static IEnumerable<long> Indices(IImageSource images, int max)
    {
        long count = Math.Min(max, images.Count);
        for (long i = 0; i < count; i++)
        {
            yield return (long)((Int128)i * images.Count / count);
        }
    }
}
