using System.Buffers;
using Microsoft.Win32.SafeHandles;

namespace Diffusion.Data;

/// <summary>The sorted image files below a folder, and the classes defined by its subfolders.</summary>
/// <param name="Paths">The full path of each file.</param>
/// <param name="Labels">The label of each file; null without classes.</param>
/// <param name="ClassNames">The sorted names of the classes; empty without classes.</param>
/// <param name="Description">The number of files and their folder.</param>
/// <param name="Report">What was used and skipped.</param>
internal sealed record ImageFolderFiles(
    IReadOnlyList<string> Paths, int[]? Labels, IReadOnlyList<string> ClassNames, string Description,
        ImageSourceReport Report) : IEncodedImages
{
    private const int MaxFile = 1 << 30;

    public long Count => Paths.Count;

    public int? ClassCount => Labels is null ? null : ClassNames.Count;

    /// <summary>Searches a folder and everything below it.</summary>
    public static ImageFolderFiles Find(string folder, string? split)
    {
        string root = Path.GetFullPath(folder);
        if (!Directory.Exists(root))
        {
            throw new ImageDataException(folder, File.Exists(root)
                ? "it is a file, but must be a folder of images."
                : "the folder does not exist.");
        }

        List<string> names = ImageFolderWalk.Find(root, folder, out SkippedImageList skipped);
        if (names.Count == 0)
        {
            string extensions = string.Join(", ", ImageFolder.Extensions);
            throw new ImageDataException(folder, skipped.ToReport(0).ToString(
                $"the folder and its subfolders contain no images. Searched for files with the extensions {extensions}."));
        }

        ImageFolderLayout layout = ImageFolderLayout.Of(folder, names, split, skipped);
        string classes = layout.Labels is null ? string.Empty : $", {layout.ClassNames.Count} classes";
        return new ImageFolderFiles(
            [.. layout.Images.Select(name => Path.Combine(root, name.Replace('/', Path.DirectorySeparatorChar)))],
            layout.Labels,
            layout.ClassNames,
            $"{layout.Images.Count} images from {folder}{layout.Note}{classes}",
            skipped.ToReport(layout.Images.Count));
    }

    public long LabelOf(long index)
    {
        SourceGuard.Index(index, Count);
        return Labels is null ? throw SourceGuard.NoLabels() : Labels[index];
    }

    public string NameOf(long index) => Paths[(int)index];

    public void Read(long index, IBufferWriter<byte> destination, CancellationToken cancellationToken)
    {
        using SafeFileHandle file = File.OpenHandle(Paths[(int)index]);
        long length = RandomAccess.GetLength(file);
        if (length > MaxFile)
        {
            throw new ImageDataException(
                Paths[(int)index], $"it has {length} bytes, more than the maximum of {MaxFile} for an image file.");
        }

        Span<byte> bytes = destination.GetSpan((int)Math.Max(length, 1))[..(int)length];
        int read = 0;
        while (read < bytes.Length && RandomAccess.Read(file, bytes[read..], read) is > 0 and int piece)
        {
            read += piece;
        }

        destination.Advance(read);
    }

    public void Dispose()
    {
    }
}
