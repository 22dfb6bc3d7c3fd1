namespace Diffusion.Data;

/// <summary>
/// Finds the IDX files of one part of a set by any of the names in use. The first bytes of a file determine whether it contains images or
/// labels; its name determines the part.
/// </summary>
internal sealed class IdxFolder
{
    private const int MaxDepth = 2;

    private static readonly string[][] PartAliases = [["t10k", "test", "testing"], ["train", "training"]];

    private readonly string folder;
    private readonly string part;
    private readonly IdxCandidate[] candidates;

    private IdxFolder(string folder, string part, IdxCandidate[] candidates)
    {
        this.folder = folder;
        this.part = part;
        this.candidates = candidates;
    }

    /// <summary>Whether there are images.</summary>
    public bool HasImages => Array.Exists(candidates, candidate => candidate.IsImages);

    /// <summary>Searches a folder and its subfolders for files with names of IDX files.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="part">A part, such as <c>train</c>, <c>t10k</c> or <c>emnist-letters-train</c>.</param>
    /// <exception cref="ImageDataException">The folder is missing or cannot be read.</exception>
    public static IdxFolder Of(string folder, string part)
    {
        if (!Directory.Exists(folder))
        {
            throw new ImageDataException(folder, File.Exists(folder)
                ? "it is a file, but must be a folder of IDX files."
                : "the folder does not exist.");
        }

        string[] same = Array.Find(PartAliases, names => names.Contains(part, StringComparer.OrdinalIgnoreCase)) ?? [part];
        string[] plain = [.. same.Select(IdxCandidate.Plain)];
        EnumerationOptions options = new() { RecurseSubdirectories = true, MaxRecursionDepth = MaxDepth };
        try
        {
            string[] files = Directory.GetFiles(folder, "*", options);
            Array.Sort(files, StringComparer.Ordinal);
            return new IdxFolder(folder, part, [.. files.Select(path => IdxCandidate.Of(folder, path, plain)).OfType<IdxCandidate>()]);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new ImageDataException(folder, $"the folder cannot be read: {problem.Message}", problem);
        }
    }

    /// <summary>The image file and the label file; null without a label file.</summary>
    /// <exception cref="ImageDataException">
    /// There are no images, several files match equally well, or the labels are in another folder.
    /// </exception>
    public (string Images, string? Labels) Find()
    {
        IdxCandidate[] images = [.. candidates.Where(candidate => candidate.IsImages)];
        if (images.Length == 0)
        {
            throw new ImageDataException(
                folder, $"the folder contains neither {part}-images-idx3-ubyte nor {part}-images-idx3-ubyte.gz, nor a file whose name "
                + "differs only in dots or case. Use another part, or open the files with IdxImages.Open.");
        }

        IdxCandidate image = Best(images, $"{IdxCandidate.Plain(part)}-images-idx3-ubyte", "images");
        IdxCandidate[] labels = [.. candidates.Where(candidate => !candidate.IsImages)];
        IdxCandidate[] beside = [.. labels.Where(label => label.Home == image.Home)];
        return (labels.Length, beside.Length) switch
        {
            (0, _) => (image.Path, null),
            (_, 0) => throw new ImageDataException(
                folder, $"there are no labels next to {Name(image)}, but there is {Name(labels[0])}. "
                + "Open them with IdxImages.Open, which takes both paths."),
            _ => (image.Path, Best(beside, image.LabelName, "labels").Path),
        };
    }

    // Prefers the usual name, then the lowest depth, then uncompressed files. Two names, or two folders of equal depth, are ambiguous.
    private IdxCandidate Best(IdxCandidate[] found, string usual, string what)
    {
        IdxCandidate[] named = [.. found.Where(candidate => candidate.NormalizedName == usual)];
        IdxCandidate[] left = named.Length > 0 ? named : found;
        int depth = left.Min(candidate => candidate.Depth);
        left = [.. left.Where(candidate => candidate.Depth == depth)];
        return left.All(candidate => candidate.NormalizedName == left[0].NormalizedName && candidate.Home == left[0].Home)
            ? left.MinBy(candidate => candidate.Rank)!
            : throw new ImageDataException(
                folder, $"{left.Length} files may be the {what} of {part}: {string.Join(", ", left.Select(Name))}. "
                + "Open one of their folders, use everything before -images as the part, or open the files with IdxImages.Open.");
    }

    private string Name(IdxCandidate candidate) => Path.GetRelativePath(folder, candidate.Path);
}
