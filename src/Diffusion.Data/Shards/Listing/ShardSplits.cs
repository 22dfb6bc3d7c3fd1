using System.Text.RegularExpressions;

namespace Diffusion.Data;

/// <summary>Recognizes splits in the names of shards: <c>imagenet-train-000000.tar</c> belongs to <c>train</c>.</summary>
internal static partial class ShardSplits
{
    /// <summary>The reason for skipping shards of other splits.</summary>
    public const string Other = "shards of splits that were not chosen (ShardOptions.Split)";

    /// <summary>The shards of the chosen splits; all shards if some names contain no split.</summary>
    /// <param name="source">The source as errors show it.</param>
    /// <param name="shards">Paths or addresses.</param>
    /// <param name="wanted">The split to use; see <see cref="ShardOptions.Split"/>.</param>
    /// <param name="skipped">Receives the skipped shards.</param>
    /// <exception cref="ImageDataException">There are several splits and none was chosen, or the chosen split is missing.</exception>
    public static IReadOnlyList<string> Choose(string source, IReadOnlyList<string> shards, string? wanted, SkippedImageList skipped)
    {
        string?[] splits = [.. shards.Select(Of)];
        if (shards.Count == 0)
        {
            return shards;
        }

        if (splits.Contains(null))
        {
            string other = Path.GetFileName(RemoteAddress.Shown(shards[Array.IndexOf(splits, null)]));
            return wanted is null || string.Equals(wanted, DataSplit.All, StringComparison.OrdinalIgnoreCase)
                ? shards
                : throw new ImageDataException(
                source, $"ShardOptions.Split is \"{wanted}\", but not every name contains a split: {other}. Name the shards to use.");
        }

        List<string> found = [];
        foreach (string split in splits.OfType<string>().Where(split => !found.Exists(other => DataSplit.AreSame(split, other))))
        {
            found.Add(split);
        }

        IReadOnlyList<string> chosen = DataSplit.Choose(source, found, wanted, "ShardOptions.Split");
        List<string> taken = [];
        foreach ((string shard, string? split) in shards.Zip(splits))
        {
            if (chosen.Any(other => DataSplit.AreSame(split!, other)))
            {
                taken.Add(shard);
            }
            else
            {
                skipped.Add(Other, Path.GetFileName(RemoteAddress.Shown(shard)));
            }
        }

        return taken;
    }

    // The only split in a name; null when there is none, or several.
    private static string? Of(string shard)
    {
        string name = RemoteAddress.Shown(shard);
        string[] words = [.. Word().Matches(Path.GetFileName(name)).Select(match => match.Value).Where(DataSplit.IsName)];
        return words.Length > 0 && Array.TrueForAll(words, word => DataSplit.AreSame(word, words[0])) ? words[0] : null;
    }

    [GeneratedRegex("[A-Za-z]+", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Word();
}
