namespace Diffusion.Data;

/// <summary>Grey images and labels in IDX files, plain or gzip: MNIST, Fashion-MNIST and their kin. Held in memory as bytes.</summary>
public static class IdxImages
{
    /// <summary>Opens one file of images and, where given, one of labels.</summary>
    /// <param name="imagesFile">An IDX file of bytes <c>[N, H, W]</c>, for example <c>train-images-idx3-ubyte.gz</c>.</param>
    /// <param name="labelsFile">An IDX file of bytes <c>[N]</c>; null for images without labels.</param>
    /// <param name="classCount">How many classes there are; default one more than the highest label.</param>
    /// <returns>The source; it belongs to the caller.</returns>
    /// <exception cref="ImageDataException">
    /// A file is empty, no IDX file, truncated, longer than it says, over 2 GiB, or the labels do not fit the images.
    /// </exception>
    /// <exception cref="IOException">A file is missing or cannot be read.</exception>
    public static IImageSource Open(string imagesFile, string? labelsFile = null, int? classCount = null)
    {
        (int[] size, byte[] pixels) = IdxFile.Read(imagesFile, dimensions: 3);
        ImageShape shape = new(1, size[1], size[2]);
        string description = $"{size[0]} images {shape} from {imagesFile}";
        if (labelsFile is null)
        {
            return new ByteImages(pixels, shape, null, null, $"{description}, no labels");
        }

        int[] labels = [.. IdxFile.Read(labelsFile, dimensions: 1).Values];
        if (labels.Length != size[0])
        {
            throw new ImageDataException(
                labelsFile, $"it has {labels.Length} labels, but {imagesFile} has {size[0]} images. The two files must belong together.");
        }

        int classes = SourceGuard.ClassCount(labels.Max(), classCount, labelsFile);
        return new ByteImages(pixels, shape, labels, classes, $"{description}, {classes} classes");
    }

    /// <summary>Opens images and labels by their usual names in a folder.</summary>
    /// <param name="folder">
    /// Holds <c>{part}-images-idx3-ubyte</c> and, for labels, <c>{part}-labels-idx1-ubyte</c>: also with <c>.gz</c>, with dots for hyphens,
    /// in upper case, with more before it (<c>emnist-letters-train-...</c>), or in a sub-folder.
    /// </param>
    /// <param name="part">
    /// <c>train</c> (default) for the training images, <c>t10k</c> or <c>test</c> for the test images; or all that stands before
    /// <c>-images</c>.
    /// </param>
    /// <param name="classCount">How many classes there are; default one more than the highest label.</param>
    /// <returns>The source; without labels where there is no file of them. It belongs to the caller.</returns>
    /// <exception cref="ImageDataException">The images are not there, several files may be meant, or a file cannot be used.</exception>
    public static IImageSource OpenFolder(string folder, string part = "train", int? classCount = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        ArgumentException.ThrowIfNullOrWhiteSpace(part);
        (string images, string? labels) = IdxFolder.Of(folder, part).Find();
        return Open(images, labels, classCount);
    }

    /// <summary>Whether <see cref="OpenFolder"/> finds images in a folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="part">As for <see cref="OpenFolder"/>.</param>
    /// <returns>False also where the folder does not exist.</returns>
    /// <exception cref="ImageDataException">The folder cannot be read.</exception>
    public static bool ExistIn(string folder, string part = "train")
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        ArgumentException.ThrowIfNullOrWhiteSpace(part);
        return Directory.Exists(folder) && IdxFolder.Of(folder, part).HasImages;
    }
}
