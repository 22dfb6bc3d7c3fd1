namespace Diffusion;

/// <summary>
/// The rules for a U-Net with blocks named Skip, which have a path for the images and choose their numbers of groups themselves.
/// </summary>
internal static class UNet2DSkipRules
{
    private const int MaxLevels = 16;

    /// <summary>Every rule that is broken. Where the levels do not match, or a number is not positive, other rules say so.</summary>
    public static IEnumerable<string> Problems(UNet2DOptions o) =>
        HasSkipBlocks(o) && Matches(o) && o.NormNumGroups > 0 && o.BlockOutChannels.All(channels => channels > 0)
            ? Images(o).Concat(Groups(o).OfType<string>()).Distinct(StringComparer.Ordinal)
            : [];

    /// <summary>Whether some normalization over a level's channels has <see cref="UNet2DOptions.NormNumGroups"/> groups.</summary>
    public static bool HaveGroupsOfTheNetwork(UNet2DOptions o, int channels) =>
        !HasSkipBlocks(o) || !Matches(o) || PlainChannels(o).Contains(channels);

    private static bool HasSkipBlocks(UNet2DOptions o) =>
        o.DownBlockTypes.Any(type => type.IsSkip()) || o.UpBlockTypes.Any(type => type.IsSkip());

    private static bool Matches(UNet2DOptions o) =>
        o.BlockOutChannels.Count is >= 1 and <= MaxLevels
        && o.DownBlockTypes.Count == o.BlockOutChannels.Count && o.UpBlockTypes.Count == o.BlockOutChannels.Count;

    // The images halve only in blocks named Skip, so they match the size of the features only if those blocks are consecutive.
    private static IEnumerable<string> Images(UNet2DOptions o)
    {
        int coarsest = o.BlockOutChannels.Count - 1;
        int lastDown = LastSkip(o.DownBlockTypes.Take(coarsest).Select(type => type.IsSkip()));
        int firstUp = o.UpBlockTypes.Take(coarsest).TakeWhile(type => !type.IsSkip()).Count();
        if (lastDown >= 0 && o.InChannels != SkipBlocks.ImageChannels)
        {
            yield return $"in_channels is {o.InChannels}, but must be {SkipBlocks.ImageChannels} with {o.DownBlockTypes[lastDown]}.";
        }

        if (firstUp < coarsest && o.OutChannels != SkipBlocks.ImageChannels)
        {
            yield return $"out_channels is {o.OutChannels}, but must be {SkipBlocks.ImageChannels} with {o.UpBlockTypes[firstUp]}.";
        }

        if (o.DownBlockTypes.Take(lastDown + 1).Any(type => !type.IsSkip()))
        {
            yield return $"down_block_types has {string.Join(", ", o.DownBlockTypes)}, but above a block named Skip all must be "
                + $"named Skip, "
                + "because only those halve the images beside the features. The last may be any.";
        }

        if (firstUp < coarsest && o.UpBlockTypes.Skip(firstUp).Any(type => !type.IsSkip()))
        {
            yield return $"up_block_types has {string.Join(", ", o.UpBlockTypes)}, but after the first block named Skip all must be "
                + $"named Skip, "
                + "because only those double the images beside the features.";
        }
    }

    private static IEnumerable<string?> Groups(UNet2DOptions o)
    {
        for (int level = 0; level < o.BlockOutChannels.Count; level++)
        {
            int channels = o.BlockOutChannels[level];
            DownBlockType down = o.DownBlockTypes[level];
            UpBlockType up = o.UpBlockTypes[^(level + 1)];
            if (down.IsSkip())
            {
                foreach (int each in (int[])[o.BlockOutChannels[Math.Max(level - 1, 0)], channels])
                {
                    yield return Problem($"{down}", each, SkipBlocks.Groups(each));
                }
            }

            if (up.IsSkip())
            {
                yield return Problem($"{up}", channels, SkipBlocks.Groups(channels));
            }

            if ((down.IsSkip() && down.HasAttention()) || (up.IsSkip() && up.HasAttention()))
            {
                yield return Problem(up.IsSkip() && up.HasAttention() ? $"{up}" : $"{down}", channels, SkipBlocks.AttentionGroups);
            }

            foreach ((int below, int across) in Joined(o, level))
            {
                int groups = up.IsSkip() ? SkipBlocks.JoinedGroups(up, below, across) : o.NormNumGroups;
                yield return Problem($"{up} (level {level}, {below} from below and {across} from across)", below + across, groups);
            }
        }
    }

    // The channels that the layers of a level on the way up join: the first, one between, and the last.
    private static IEnumerable<(int Below, int Across)> Joined(UNet2DOptions o, int level)
    {
        int channels = o.BlockOutChannels[level];
        int below = o.BlockOutChannels[Math.Min(level + 1, o.BlockOutChannels.Count - 1)];
        int above = o.BlockOutChannels[Math.Max(level - 1, 0)];
        return o.LayersPerBlock > 1 ? [(below, channels), (channels, channels), (channels, above)] : [(below, channels), (channels, above)];
    }

    private static IEnumerable<int> PlainChannels(UNet2DOptions o)
    {
        int levels = o.BlockOutChannels.Count;
        IEnumerable<int> ends = o.HasMidBlock ? [o.BlockOutChannels[0], o.BlockOutChannels[^1]] : [o.BlockOutChannels[0]];
        IEnumerable<int> down = Enumerable.Range(0, levels).Where(level => !o.DownBlockTypes[level].IsSkip())
            .SelectMany(level => (int[])[o.BlockOutChannels[Math.Max(level - 1, 0)], o.BlockOutChannels[level]]);
        IEnumerable<int> up = Enumerable.Range(0, levels).Where(level => !o.UpBlockTypes[^(level + 1)].IsSkip())
            .Select(level => o.BlockOutChannels[level]);
        return ends.Concat(down).Concat(up);
    }

    private static int LastSkip(IEnumerable<bool> isSkip) => isSkip.ToList().LastIndexOf(true);

    private static string? Problem(string block, int channels, int groups) => groups > 0 && channels % groups == 0
        ? null
        : $"block_out_channels gives {block} {channels} channels, but they must divide into {Math.Max(groups, 1)} groups of equal size, "
            + "and be at least 4. Multiples of 32 always do.";
}
