namespace Diffusion.Data;

/// <summary>The shards of a folder by their names; where it holds none itself, those of the splits that its sub-folders are.</summary>
/// <param name="folder">Its full path.</param>
/// <param name="split">Which split is taken; see <see cref="ShardOptions.Split"/>.</param>
/// <param name="skipped">Takes what is left out.</param>
internal sealed class ShardFolderFiles(string folder, string? split, SkippedImageList skipped)
{
    private const string Other = "files that are no .tar, .tar.gz or .tgz: other archives, or unfinished ones";
    private const string Twice = "further names of shards that are taken";
    private const string Below = "shards in sub-folders, which are not looked into where the folder holds shards itself";

    private static readonly EnumerationOptions Accessible = new() { IgnoreInaccessible = true };
    private static readonly string[] Extensions = [".tar", ".tar.gz", ".tgz"];
    private static readonly string[] OtherExtensions = [".zip", ".7z", ".rar", ".tbz", ".tbz2", ".txz", ".tzst"];

    /// <summary>Looks through the folder.</summary>
    /// <exception cref="ImageDataException">
    /// It holds several splits and none was chosen, or shards only in sub-folders that are no splits.
    /// </exception>
    public IReadOnlyList<string> Find()
    {
        List<string> shards = ShardsOf(folder);
        string[] folders =
        [
            .. Directory.GetDirectories(folder)
                .Where(path => !SystemFiles.IsIgnored(Path.GetFileName(path)) && ShardsBelow(path).Any())
                .Order(StringComparer.Ordinal),
        ];
        if (shards.Count > 0)
        {
            foreach (string below in folders)
            {
                foreach (string file in ShardsBelow(below).Order(StringComparer.Ordinal))
                {
                    skipped.Add(Below, Path.GetRelativePath(folder, file));
                }
            }

            return ShardSplits.Choose(folder, shards, split, skipped);
        }

        return folders.Length == 0 ? [] : OfSplits(folders);
    }

    // A sub-folder that may not be looked into is none of ours.
    private static IEnumerable<string> ShardsBelow(string path) =>
        Directory.EnumerateFiles(path, "*", Accessible).Where(file => IsShard(Path.GetFileName(file)));

    private static bool IsShard(string name) => HasExtension(name) && !SystemFiles.IsIgnored(name);

    private static bool HasExtension(string name) =>
        Array.Exists(Extensions, extension => name.EndsWith(extension, StringComparison.OrdinalIgnoreCase));

    private List<string> ShardsOf(string place)
    {
        List<string> shards = [];
        Dictionary<FileIdentity, string> known = [];
        foreach (string file in Directory.GetFiles(place).Order(StringComparer.Ordinal))
        {
            string name = Path.GetFileName(file);
            string shown = Path.GetRelativePath(folder, file);
            if (SystemFiles.IsIgnored(name) && HasExtension(name))
            {
                skipped.Add(SystemFiles.Reason, shown);
            }
            else if (IsShard(name))
            {
                FileIdentity identity = File.Exists(file) ? FileIdentity.Of(file) : default;
                if (identity.IsStrong && !known.TryAdd(identity, file))
                {
                    skipped.Add(Twice, shown);
                }
                else
                {
                    shards.Add(file);
                }
            }
            else if (IsOtherArchive(name) && !SystemFiles.IsIgnored(name))
            {
                skipped.Add(Other, shown);
            }
        }

        return shards;
    }

    private static bool IsOtherArchive(string name) =>
        (name.Contains(".tar.", StringComparison.OrdinalIgnoreCase)
            && !name.EndsWith(ShardIndex.Extension, StringComparison.OrdinalIgnoreCase))
        || Array.Exists(OtherExtensions, extension => name.EndsWith(extension, StringComparison.OrdinalIgnoreCase));

    private List<string> OfSplits(string[] folders)
    {
        string[] names = [.. folders.Select(path => Path.GetFileName(path))];
        if (!Array.TrueForAll(names, DataSplit.IsName))
        {
            throw new ImageDataException(
                folder, $"it holds no shard itself, but its sub-folders do: {ShardPicker.FirstOf(names)}. Name those that are meant: "
                + $"{folders[0]}{(folders.Length > 1 ? "::" + folders[1] : string.Empty)}");
        }

        IReadOnlyList<string> chosen = DataSplit.Choose(folder, names, split, "ShardOptions.Split");
        List<string> shards = [];
        foreach (string path in folders)
        {
            List<string> files = ShardsOf(path);
            if (chosen.Contains(Path.GetFileName(path), StringComparer.Ordinal))
            {
                shards.AddRange(files);
            }
            else
            {
                files.ForEach(file => skipped.Add(ShardSplits.Other, Path.GetRelativePath(folder, file)));
            }
        }

        return shards;
    }
}
