namespace Diffusion.Data;

/// <summary>
/// Grayscale images and labels in IDX files, uncompressed or gzip: MNIST, Fashion-MNIST and similar sets. Kept in memory as bytes.
/// </summary>
public static class IdxImages
{
    /// <summary>Opens an image file and, optionally, a label file.</summary>
    /// <param name="imagesFile">An IDX file of bytes <c>[N, H, W]</c>, for example <c>train-images-idx3-ubyte.gz</c>.</param>
    /// <param name="labelsFile">An IDX file of bytes <c>[N]</c>; null for images without labels.</param>
    /// <param name="classCount">The number of classes. Default null: one more than the largest label.</param>
    /// <returns>The source; the caller disposes it.</returns>
    /// <exception cref="ImageDataException">
    /// A file is empty, not an IDX file, truncated, longer than its header claims or over 2 GiB, or the labels do not match the images.
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

    /// <summary>Opens the images and labels in a folder by their usual names.</summary>
    /// <param name="folder">
    /// Contains <c>{part}-images-idx3-ubyte</c> and, for labels, <c>{part}-labels-idx1-ubyte</c>. Also accepts <c>.gz</c>, dots instead of
    /// hyphens, upper case, a prefix (<c>emnist-letters-train-...</c>), and subfolders.
    /// </param>
    /// <param name="part">
    /// <c>train</c> (default) for the training images, <c>t10k</c> or <c>test</c> for the test images; or everything before <c>-images</c>
    /// in the name.
    /// </param>
    /// <param name="classCount">The number of classes. Default null: one more than the largest label.</param>
    /// <returns>The source, without labels if there is no label file; the caller disposes it.</returns>
    /// <exception cref="ImageDataException">The images are missing, several files match, or a file cannot be used.</exception>
    public static IImageSource OpenFolder(string folder, string part = "train", int? classCount = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        ArgumentException.ThrowIfNullOrWhiteSpace(part);
        (string images, string? labels) = IdxFolder.Of(folder, part).Find();
        return Open(images, labels, classCount);
    }

    /// <summary>Whether <see cref="OpenFolder"/> would find images in a folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="part">See <see cref="OpenFolder"/>.</param>
    /// <returns>False also when the folder does not exist.</returns>
    /// <exception cref="ImageDataException">The folder cannot be read.</exception>
    public static bool ExistIn(string folder, string part = "train")
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        ArgumentException.ThrowIfNullOrWhiteSpace(part);
        return Directory.Exists(folder) && IdxFolder.Of(folder, part).HasImages;
    }
}
