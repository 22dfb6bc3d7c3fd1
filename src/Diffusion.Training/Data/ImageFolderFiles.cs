using System.Buffers;
using Microsoft.Win32.SafeHandles;

namespace Diffusion.Training;

/// <summary>The image files below a folder in their order, and the classes that their sub-folders make.</summary>
/// <param name="Paths">The full path of each file.</param>
/// <param name="Labels">The class of each file; null without classes.</param>
/// <param name="ClassNames">The names of the classes in their order; empty without classes.</param>
/// <param name="Folder">The folder, as it was given.</param>
internal sealed record ImageFolderFiles(IReadOnlyList<string> Paths, int[]? Labels, IReadOnlyList<string> ClassNames, string Folder) : IEncodedImages
{
    private const int LargestFile = 1 << 30;

    private static readonly EnumerationOptions All = new() { RecurseSubdirectories = true, IgnoreInaccessible = false };

    public long Count => Paths.Count;

    public int? ClassCount => Labels is null ? null : ClassNames.Count;

    public string Description => $"{Paths.Count} images from {Folder}{(Labels is null ? string.Empty : $", {ClassNames.Count} classes")}";

    /// <summary>Looks through a folder and everything below it.</summary>
    public static ImageFolderFiles Find(string folder)
    {
        string root = Path.GetFullPath(folder);
        if (!Directory.Exists(root))
        {
            throw new ImageDataException(folder, File.Exists(root) ? "it is a file, but must be a folder of images." : "the folder does not exist.");
        }

        string[] names =
        [
            .. ListFiles(root, folder)
                .Where(path => ImageFolder.Extensions.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase))
                .Select(path => Path.GetRelativePath(root, path).Replace(Path.DirectorySeparatorChar, '/'))
                .Where(name => !name.StartsWith('.') && !name.Contains("/.", StringComparison.Ordinal))
                .Order(StringComparer.Ordinal),
        ];
        if (names.Length == 0)
        {
            throw new ImageDataException(
                folder, $"the folder and its sub-folders hold no image. Looked for files that end in {string.Join(", ", ImageFolder.Extensions)}.");
        }

        string[] paths = [.. names.Select(name => Path.Combine(root, name.Replace('/', Path.DirectorySeparatorChar)))];
        string[] classes = [.. names.Select(name => name[..Math.Max(name.IndexOf('/', StringComparison.Ordinal), 0)]).Distinct(StringComparer.Ordinal)];
        if (classes.Length < 2 || classes.Contains(string.Empty, StringComparer.Ordinal))
        {
            return new ImageFolderFiles(paths, null, [], folder);
        }

        Array.Sort(classes, StringComparer.Ordinal);
        Dictionary<string, int> labels = classes.Index().ToDictionary(entry => entry.Item, entry => entry.Index, StringComparer.Ordinal);
        return new ImageFolderFiles(paths, [.. names.Select(name => labels[name[..name.IndexOf('/', StringComparison.Ordinal)]])], classes, folder);
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
        if (length > LargestFile)
        {
            throw new ImageDataException(Paths[(int)index], $"it has {length} bytes, more than the {LargestFile} that an image file may have.");
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

    private static string[] ListFiles(string root, string folder)
    {
        try
        {
            return Directory.GetFiles(root, "*", All);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new ImageDataException(folder, $"the folder cannot be read: {problem.Message}", problem);
        }
    }
}
