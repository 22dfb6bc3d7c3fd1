namespace Diffusion.Data;

/// <summary>Builds image sources from other sources and stores.</summary>
public static class ImageSourceExtensions
{
    /// <summary>
    /// Applies transforms to the images of any source each time they are read:
    /// <c>InMemoryImages.Load(source).With(ImageTransform.RandomFlip())</c>. The images keep their size.
    /// </summary>
    /// <remarks>
    /// For image files, pass crops as <see cref="ImagePreparation.Transforms"/> instead: there they select a part of the original image.
    /// Here they select a part of an image that has already been resized, and enlarge it.
    /// </remarks>
    /// <param name="source">Any source; disposed with the result.</param>
    /// <param name="transforms">The transforms in the order in which they apply, crops and resizes first; at least one.</param>
    /// <returns>The source; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">
    /// There is no transform, a crop or resize follows a change of pixels, or a transform does not support the images.
    /// </exception>
    public static IImageSource With(this IImageSource source, params IReadOnlyList<ImageTransform> transforms) =>
        new TransformedImages(source, transforms);

    /// <summary>Decodes and prepares the image files of any store each time they are read.</summary>
    /// <param name="files">The image files; disposed with the result.</param>
    /// <param name="preparation">The size, channels and transforms of the images.</param>
    /// <returns>The source; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">A value of the preparation is out of range.</exception>
    public static IImageSource Prepare(this IEncodedImages files, ImagePreparation preparation) =>
        new EncodedImageSource(files, preparation);
}
