namespace Diffusion.TestKit.PowerLoss;

/// <summary>
/// A disk whose power can fail after any operation. Synced data survives. Any part of the unsynced data can survive: any subset of the
/// changes to the names in a folder since its last sync; and none, half or all of a file's bytes, or as many zeros.
/// </summary>
internal sealed class DiskModel
{
    private readonly Folder root = new();

    /// <summary>The last step that was reported as saved.</summary>
    public long Promised { get; private set; }

    /// <summary>Applies one operation.</summary>
    public void Apply(DiskOperation operation)
    {
        switch (operation)
        {
            case DiskOperation.CreateFolder made:
                FolderOf(made.Path).Add(NameOf(made.Path), new Folder());
                break;
            case DiskOperation.CreateFile made:
                FolderOf(made.Path).Add(NameOf(made.Path), new Content());
                break;
            case DiskOperation.Write written:
                ((Content)Find(written.Path)).Bytes.AddRange(written.Bytes);
                break;
            case DiskOperation.SyncFile synced:
                Content content = (Content)Find(synced.Path);
                content.Safe = content.Bytes.Count;
                break;
            case DiskOperation.SyncFolder synced:
                ((Folder)Find(synced.Path)).Sync();
                break;
            case DiskOperation.Rename renamed:
                FolderOf(renamed.From).Rename(NameOf(renamed.From), NameOf(renamed.To));
                break;
            case DiskOperation.Delete deleted:
                FolderOf(deleted.Path).Remove(NameOf(deleted.Path));
                break;
            case DiskOperation.Promise promise:
                Promised = promise.Step;
                break;
            default:
                throw new ArgumentException($"Unknown operation {operation}.", nameof(operation));
        }
    }

    /// <summary>
    /// Every possible content of the disk after a power failure now: files by their paths; folders by paths that end in a slash.
    /// </summary>
    public IEnumerable<IReadOnlyDictionary<string, byte[]>> States() => StatesOf(root, string.Empty);

    private static IEnumerable<IReadOnlyDictionary<string, byte[]>> StatesOf(Node node, string path) => node switch
    {
        Content content => content.Variants().Select(bytes => new Dictionary<string, byte[]>(StringComparer.Ordinal) { [path] = bytes }),
        Folder folder =>
            folder.Variants().SelectMany(entries => Product([.. entries.Select(entry => StatesOf(entry.Value, $"{path}/{entry.Key}")
                .ToArray())], path)),
        _ => throw new ArgumentException("A node is a file or a folder.", nameof(node)),
    };

    private static IEnumerable<IReadOnlyDictionary<string, byte[]>> Product(IReadOnlyDictionary<string, byte[]>[][] parts, string path)
    {
        IEnumerable<Dictionary<string, byte[]>> states = [new(StringComparer.Ordinal) { [path + "/"] = [] }];
        foreach (IReadOnlyDictionary<string, byte[]>[] choices in parts)
        {
            states = states.SelectMany(_ => choices, (state, choice) => new Dictionary<string,
                byte[]>(state.Concat(choice), StringComparer.Ordinal));
        }

        return states;
    }

    private static string NameOf(string path) => Path.GetFileName(path);

    private Folder FolderOf(string path) => (Folder)Find(Path.GetDirectoryName(path)!);

    private Node Find(string path)
    {
        Node node = root;
        foreach (string name in path.Split('/', StringSplitOptions.RemoveEmptyEntries).Where(name => name != "."))
        {
            node = ((Folder)node).Now[name];
        }

        return node;
    }

    private abstract class Node;

    private sealed class Content : Node
    {
        public List<byte> Bytes { get; } = [];

        public int Safe { get; set; }

        public IEnumerable<byte[]> Variants()
        {
            byte[] all = [.. Bytes];
            int open = all.Length - Safe;
            return open == 0 ? [all] : [all[..Safe], all[..(Safe + (open / 2))], all, [.. all[..Safe], .. new byte[open]]];
        }
    }

    private sealed class Folder : Node
    {
        private readonly Dictionary<string, Node> safe = new(StringComparer.Ordinal);
        private readonly List<Action<Dictionary<string, Node>>> open = [];

        public Dictionary<string, Node> Now { get; } = new(StringComparer.Ordinal);

        public void Add(string name, Node node) => Do(entries => entries[name] = node);

        public void Remove(string name) => Do(entries => entries.Remove(name));

        public void Rename(string from, string to) => Do(entries =>
        {
            if (entries.Remove(from, out Node? node))
            {
                entries[to] = node;
            }
        });

        public void Sync()
        {
            open.ForEach(change => change(safe));
            open.Clear();
        }

        public IEnumerable<Dictionary<string, Node>> Variants()
        {
            for (int chosen = 0; chosen < 1 << open.Count; chosen++)
            {
                Dictionary<string, Node> entries = new(safe, StringComparer.Ordinal);
                for (int change = 0; change < open.Count; change++)
                {
                    if ((chosen >> change & 1) == 1)
                    {
                        open[change](entries);
                    }
                }

                yield return entries;
            }
        }

        private void Do(Action<Dictionary<string, Node>> change)
        {
            change(Now);
            open.Add(change);
        }
    }
}
