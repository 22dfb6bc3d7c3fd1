namespace Diffusion.Data;

/// <summary>Scans a whole shard and finds its samples by the rules of WebDataset. A link stands for its target.</summary>
/// <param name="stream">The tar archive: a seekable stream, which is not disposed.</param>
/// <param name="name">The shard as errors show it.</param>
internal sealed class ShardScanner(Stream stream, string name)
{
    private const int MaxMembers = 1000;
    private const string Devices = "devices and pipes, which are not files";
    private const string FolderLinks = "links to folders, whose files are used at their real path";

    private readonly List<ShardEntry> samples = [];
    private readonly HashSet<string> keys = new(StringComparer.Ordinal);
    private readonly ShardLinks links = new();
    private readonly List<Link> unresolved = [];
    private readonly SkippedImageList ignored = new();
    private List<ShardMember> members = [];
    private string? current;

    /// <summary>Scans a shard.</summary>
    /// <param name="stream">The tar archive: a seekable stream, which is not disposed.</param>
    /// <param name="name">The shard as errors show it.</param>
    /// <param name="cancellationToken">Cancels the scan between two files.</param>
    /// <exception cref="ImageDataException">
    /// The archive is damaged, a sample has two files with the same extension, or its files are not contiguous.
    /// </exception>
    public static ShardContents Scan(Stream stream, string name, CancellationToken cancellationToken)
    {
        ShardScanner scanner = new(stream, name);
        TarReader tar = new(stream, name);
        while (tar.TryReadNext(out TarEntry entry))
        {
            cancellationToken.ThrowIfCancellationRequested();
            scanner.Take(entry);
        }

        scanner.Finish();
        return scanner.Resolve();
    }

    private void Take(TarEntry entry)
    {
        links.Add(entry);
        if (entry.Kind == TarKind.Folder)
        {
            return;
        }

        if (!ShardKey.TrySplit(entry.Name, out string key, out string extension, out string? reason) || entry.Kind == TarKind.Device)
        {
            ignored.Add(reason ?? Devices, entry.Name);
            return;
        }

        if (key != current)
        {
            Finish();
            Begin(entry, key, extension);
        }

        Add(entry, key, extension);
    }

    private void Begin(TarEntry entry, string key, string extension)
    {
        current = key;
        members = [];
        if (!keys.Add(key))
        {
            bool hasDots = extension.Contains('.', StringComparison.Ordinal);
            string dots = hasDots ? $" A key ends at the first dot of a name: '{entry.Name}' belongs to '{key}'." : string.Empty;
            throw new ImageDataException(
                name, $"at byte {entry.HeaderOffset}: the files of sample '{key}' are not contiguous. Write them in order: "
                + $"tar --sort=name.{dots}");
        }
    }

    private void Add(TarEntry entry, string key, string extension)
    {
        if (members.Exists(member => member.Extension == extension))
        {
            throw new ImageDataException(
                name, $"at byte {entry.HeaderOffset}: sample '{key}' has two files '.{extension}'. Give each its own extension.");
        }

        if (members.Count == MaxMembers)
        {
            throw new ImageDataException(
                name, $"at byte {entry.HeaderOffset}: sample '{key}' has more than {MaxMembers} files. Give each sample its own key.");
        }

        if (entry.Kind == TarKind.File)
        {
            members.Add(new ShardMember(extension, entry.Offset, entry.Size));
            return;
        }

        unresolved.Add(new Link(samples.Count, extension, entry.Name));
        members.Add(new ShardMember(extension, -1, 0));
    }

    private void Finish()
    {
        if (current is not null)
        {
            bool hasLinks = unresolved.Count > 0 && unresolved[^1].Sample == samples.Count;
            samples.Add(new ShardEntry(current, members, hasLinks ? null : LabelOf(members)));
            current = null;
        }
    }

    // Links may precede their targets, so they are resolved at the end.
    private ShardContents Resolve()
    {
        foreach (IGrouping<int, Link> ofSample in unresolved.GroupBy(link => link.Sample))
        {
            List<ShardMember> files = [.. samples[ofSample.Key].Members];
            foreach (Link link in ofSample)
            {
                Resolve(link, files);
            }

            samples[ofSample.Key] = samples[ofSample.Key] with { Members = files, Label = LabelOf(files) };
        }

        return new ShardContents([.. samples.Where(sample => sample.Members.Count > 0)], ignored.ToReport(0).Skipped);
    }

    private void Resolve(Link link, List<ShardMember> files)
    {
        int place = files.FindIndex(file => file.Extension == link.Extension);
        if (links.FileOf(link.Name) is { } file)
        {
            files[place] = new ShardMember(link.Extension, file.Offset, file.Size);
        }
        else if (links.IsFolder(link.Name))
        {
            files.RemoveAt(place);
            ignored.Add(FolderLinks, link.Name);
        }
    }

    private int? LabelOf(IReadOnlyList<ShardMember> files)
    {
        ShardLabel label = ShardLabel.Read(stream, files);
        return label.Problem is null ? label.Value : ShardEntry.UnreadableLabel;
    }

    private readonly record struct Link(int Sample, string Extension, string Name);
}
