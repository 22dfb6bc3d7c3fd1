namespace Diffusion.Data;

/// <summary>Finds the shards of a folder by name. If the folder itself contains none, its subfolders are used as splits.</summary>
/// <param name="folder">The full path of the folder.</param>
/// <param name="split">The split to use; see <see cref="ShardOptions.Split"/>.</param>
/// <param name="skipped">Receives what is skipped.</param>
internal sealed class ShardFolderFiles(string folder, string? split, SkippedImageList skipped)
{
    private const string Other = "other or unfinished archives, which are not .tar, .tar.gz or .tgz files";
    private const string Twice = "additional names of shards that are already used";
    private const string Below = "shards in subfolders, which are not searched when the folder itself contains shards";

    private static readonly EnumerationOptions Accessible = new() { IgnoreInaccessible = true };
    private static readonly string[] Extensions = [".tar", ".tar.gz", ".tgz"];
    private static readonly string[] OtherExtensions = [".zip", ".7z", ".rar", ".tbz", ".tbz2", ".txz", ".tzst"];

    /// <summary>Searches the folder.</summary>
    /// <exception cref="ImageDataException">
    /// The folder contains several splits and none was chosen, or shards only in subfolders that are not splits.
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

    // Inaccessible subfolders are ignored.
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
                folder, $"it contains no shards itself, but its subfolders do: {ShardPicker.FirstOf(names)}. Name the subfolders to use: "
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
