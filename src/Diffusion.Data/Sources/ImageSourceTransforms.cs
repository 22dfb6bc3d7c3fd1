namespace Diffusion.Data;

/// <summary>Transforms of the images of any source.</summary>
public static class ImageSourceTransforms
{
    /// <summary>
    /// The images of a source, transformed each time they are read: <c>InMemoryImages.Load(source).With(ImageTransform.RandomFlip())</c>.
    /// Their size stays that of the source.
    /// </summary>
    /// <remarks>
    /// For image files give crops as <see cref="ImagePreparation.Transforms"/> instead: there they are cut out of the whole image, here out
    /// of images that have been brought to their size, and then enlarged.
    /// </remarks>
    /// <param name="source">Any source; disposed with the result.</param>
    /// <param name="transforms">In the order in which they apply, crops and resizes first; at least one.</param>
    /// <returns>The source; it belongs to the caller.</returns>
    /// <exception cref="ArgumentException">There is no transform, one comes too late, or one does not fit the images.</exception>
    public static IImageSource With(this IImageSource source, params IReadOnlyList<ImageTransform> transforms) =>
        new TransformedImages(source, transforms);
}
