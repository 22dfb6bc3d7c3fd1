namespace Diffusion.Data;

/// <summary>
/// Finds the image files below a folder. Every real folder is visited once: under its own name if it is below the folder, otherwise through
/// the first link with the lowest depth. The order depends only on names. Not thread-safe.
/// </summary>
internal sealed class ImageFolderWalk
{
    private const string LinkRepeated = "links to files or folders that are already used";
    private const string LinkUp = "links to a folder that contains them";
    private const string LinkNowhere = "broken links, or links to inaccessible files or folders";
    private const string NotRead = "images of unsupported formats: convert them to PNG or JPEG";
    private const string NotNamed = "images without the extension of an image: rename them";
    private const string Pointer = "Git LFS pointers instead of images: run `git lfs pull` in the repository";
    private const int MaxProbes = 16;

    private readonly string name;
    private readonly string root;
    private readonly LinkResolver realPaths = new();
    private readonly HashSet<string> visited = new(LinkResolver.Comparer);
    private readonly List<string> images = [];
    private readonly List<(string Real, string Name)> fileLinks = [];
    private readonly List<string> undecodable = [];
    private readonly SkippedImageList skipped = new();
    private readonly Dictionary<string, (int Looked, int Found)> probes = new(StringComparer.OrdinalIgnoreCase);
    private List<(string Real, string Name)> folderLinks = [];

    private ImageFolderWalk(string name, string root)
    {
        this.name = name;
        this.root = root;
    }

    /// <summary>Searches a folder and everything below it.</summary>
    /// <param name="folder">The full path of the existing folder.</param>
    /// <param name="name">The folder as errors show it.</param>
    /// <param name="skippedImages">What was skipped.</param>
    /// <returns>The paths of the images relative to the folder, separated by <c>/</c>, sorted ordinally.</returns>
    /// <exception cref="ImageDataException">A folder cannot be read, or a name is not valid UTF-8.</exception>
    public static List<string> Find(string folder, string name, out SkippedImageList skippedImages)
    {
        ImageFolderWalk walk = new(name, new LinkResolver().Of(folder) ?? folder);
        try
        {
            walk.All();
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new ImageDataException(name, $"the folder cannot be read: {problem.Message}", problem);
        }

        skippedImages = walk.skipped;
        return walk.images;
    }

    private void All()
    {
        visited.Add(root);
        Visit(root, string.Empty);
        while (folderLinks.Count > 0)
        {
            FollowFolders();
        }

        FollowFiles();
        ThrowIfUndecodable();
        images.Sort(StringComparer.Ordinal);
    }

    // Links of equal depth are followed together, so that a folder with its own link is not visited through a link to its parent.
    private void FollowFolders()
    {
        List<(string Real, string Name)> links = folderLinks;
        folderLinks = [];
        List<(string Real, string Name)> tops = [];
        foreach ((string link, string linkName) in links)
        {
            string? target = realPaths.Of(link);
            if (target is null || !Directory.Exists(target))
            {
                skipped.Add(LinkNowhere, linkName);
            }
            else if (LinkResolver.Contains(target, root) || LinkResolver.Contains(target, link))
            {
                skipped.Add(LinkUp, linkName);
            }
            else if (visited.Add(target))
            {
                tops.Add((target, linkName));
            }
            else
            {
                skipped.Add(LinkRepeated, linkName);
            }
        }

        foreach ((string target, string linkName) in tops)
        {
            Visit(target, linkName + "/");
        }
    }

    // A link to an image below this folder would count it twice. Several links to a file elsewhere are separate images, as in stores that
    // deduplicate files.
    private void FollowFiles()
    {
        foreach ((string link, string linkName) in fileLinks)
        {
            string? target = realPaths.Of(link);
            if (target is null || !File.Exists(target))
            {
                skipped.Add(LinkNowhere, linkName);
            }
            else if (visited.Contains(Path.GetDirectoryName(target)!) && ImageNames.IsSupported(target)
                && !SystemFiles.IsIgnored(Path.GetFileName(target)))
            {
                skipped.Add(LinkRepeated, linkName);
            }
            else
            {
                Take(target, linkName, new FileInfo(target).Length);
            }
        }
    }

    // Visits everything below a real folder, except links.
    private void Visit(string real, string prefix)
    {
        Stack<(string Real, string Prefix)> folders = new([(real, prefix)]);
        while (folders.TryPop(out (string Real, string Prefix) folder))
        {
            FolderEntry[] entries = FolderEntry.List(folder.Real);
            List<(string Real, string Prefix)> within = [];
            for (int i = 0; i < entries.Length; i++)
            {
                FolderEntry entry = entries[i];
                string path = Path.Combine(folder.Real, entry.Name);
                string entryName = folder.Prefix + entry.Name;
                if (entry.IsHidden || SystemFiles.IsIgnored(entry.Name))
                {
                    PassOver(entry, entryName);
                }
                else if (IsUndecodable(entries, i, path))
                {
                    undecodable.Add(entryName);
                }
                else if (entry.IsLink && new FileInfo(path).LinkTarget is not null)
                {
                    (entry.IsFolder ? folderLinks : fileLinks).Add((path, entryName));
                }
                else if (!entry.IsFolder)
                {
                    Take(path, entryName, entry.Bytes);
                }
                else if (visited.Add(path))
                {
                    within.Add((path, entryName + "/"));
                }
                else
                {
                    skipped.Add(LinkRepeated, entryName);
                }
            }

            within.Reverse();
            within.ForEach(folders.Push);
        }
    }

    private void PassOver(FolderEntry entry, string entryName)
    {
        if (entry.IsFolder || ImageNames.IsSupported(entry.Name))
        {
            skipped.Add(SystemFiles.Reason, entryName);
        }
    }

    private void Take(string path, string entryName, long bytes)
    {
        if (ImageNames.IsSupported(entryName))
        {
            if (FileStart.IsGitLfsPointer(path, bytes))
            {
                skipped.Add(Pointer, entryName);
                return;
            }

            images.Add(entryName);
        }
        else if (ImageNames.IsUnsupported(entryName))
        {
            skipped.Add(NotRead, entryName);
        }
        else if (IsImageByContent(path, bytes))
        {
            skipped.Add(NotNamed, entryName);
        }
    }

    // Once several files with an extension are not images, further files with that extension are not examined.
    private bool IsImageByContent(string path, long bytes)
    {
        string extension = Path.GetExtension(path);
        (int looked, int found) = probes.GetValueOrDefault(extension);
        if (bytes == 0 || (extension.Length > 0 && looked >= MaxProbes && found == 0))
        {
            return false;
        }

        bool isImage = FileStart.IsImage(path);
        probes[extension] = (looked + 1, found + (isImage ? 1 : 0));
        return isImage;
    }

    // .NET decodes invalid UTF-8 to U+FFFD, and cannot open the file by that name. Several such names may look the same.
    private static bool IsUndecodable(FolderEntry[] entries, int i, string path)
    {
        FolderEntry entry = entries[i];
        if (!entry.Name.Contains('\uFFFD', StringComparison.Ordinal))
        {
            return false;
        }

        bool matters = entry.IsFolder || ImageNames.IsSupported(entry.Name) || Path.GetExtension(entry.Name).Length == 0;
        bool repeated = (i > 0 && entries[i - 1].Name == entry.Name) || (i + 1 < entries.Length && entries[i + 1].Name == entry.Name);
        return matters && (repeated || (!Path.Exists(path) && new FileInfo(path).LinkTarget is null));
    }

    private void ThrowIfUndecodable()
    {
        if (undecodable.Count > 0)
        {
            SkippedImages named = new(string.Empty, undecodable.Count, [.. undecodable.Take(SkippedImages.MaxExamples)]);
            throw new ImageDataException(
                name, $"{named.Count} names of files or folders are not valid UTF-8 and cannot be opened: {named.ExampleText}. "
                + $"Rename them, for example with: convmv -f latin1 -t utf8 -r --notest '{root}'");
        }
    }
}
