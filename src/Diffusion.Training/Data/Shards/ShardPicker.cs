namespace Diffusion.Training;

/// <summary>Chooses the image and the class of each sample.</summary>
internal sealed class ShardPicker(ShardOptions options)
{
    private const int NamedKeys = 5;

    /// <summary>The images that are used of a shard, and the keys of samples left out because their labels cannot be read.</summary>
    /// <param name="name">The shard.</param>
    /// <param name="samples">What it holds.</param>
    /// <param name="stream">Its bytes, for those who are asked.</param>
    /// <exception cref="ImageDataException">A label cannot be read, and may not be left out; Map chose a file that is not there.</exception>
    public (IReadOnlyList<ShardPick> Picks, IReadOnlyList<string> LeftOut) Pick(string name, IReadOnlyList<ShardEntry> samples, Stream stream)
    {
        List<ShardPick> picks = new(samples.Count);
        List<string> unreadable = [];
        foreach (ShardEntry sample in samples)
        {
            ShardSample asked = new(name, sample, stream);
            if (options.Where is { } where && !where(asked))
            {
                continue;
            }

            if (options.Map is { } map)
            {
                picks.Add(Mapped(name, sample, map(asked)));
            }
            else if (sample.Label == ShardEntry.UnreadableLabel)
            {
                unreadable.Add(sample.Key);
            }
            else
            {
                picks.Add(Default(sample));
            }
        }

        return unreadable.Count == 0 || options.LeaveOutDamaged ? (picks, unreadable) : throw Unreadable(name, unreadable);
    }

    /// <summary>The error, or the note, about samples whose labels cannot be read.</summary>
    public static ImageDataException Unreadable(string name, IReadOnlyList<string> keys) => new(
        name, $"the labels of {keys.Count} of its samples cannot be read: {string.Join(", ", keys.Take(NamedKeys))}{(keys.Count > NamedKeys ? ", ..." : string.Empty)}. "
        + "A cls file holds one whole number from 0, a json file valid JSON; both have at most 1 MiB.");

    private ShardPick Default(ShardEntry sample)
    {
        foreach (string extension in options.ImageExtensions)
        {
            if (sample.Members.FirstOrDefault(member => member.Extension == extension) is { Extension: not null } image)
            {
                return new ShardPick(sample.Key, image.Offset, image.Size, sample.Label ?? -1);
            }
        }

        return new ShardPick(sample.Key, -1, 0, sample.Label ?? -1);
    }

    private static ShardPick Mapped(string name, ShardEntry sample, ShardImage image)
    {
        ShardMember member = sample.Members.FirstOrDefault(member => member.Extension == image.Extension);
        if (member.Extension is null || image.Label < 0)
        {
            throw new ImageDataException($"{name}, sample {sample.Key}", member.Extension is null
                ? $"Map chose its file '.{image.Extension}', but it has only {string.Join(", ", sample.Members.Select(m => m.Extension))}."
                : $"Map gave it the label {image.Label}, but labels are 0 or more.");
        }

        return new ShardPick(sample.Key, member.Offset, member.Size, image.Label ?? -1);
    }
}
