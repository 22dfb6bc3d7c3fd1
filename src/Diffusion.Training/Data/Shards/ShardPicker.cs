namespace Diffusion.Training;

/// <summary>Chooses the image and the class of each sample.</summary>
internal sealed class ShardPicker(ShardOptions options)
{
    /// <summary>Whether samples must be asked one by one, so that the index alone does not say how many are used.</summary>
    public bool Asks => options.Where is not null || options.Map is not null;

    /// <summary>The images that are used of a shard.</summary>
    /// <param name="name">The shard.</param>
    /// <param name="samples">What it holds.</param>
    /// <param name="stream">Its bytes, for those who are asked.</param>
    public IReadOnlyList<ShardPick> Pick(string name, IReadOnlyList<ShardEntry> samples, Stream stream)
    {
        List<ShardPick> picks = new(samples.Count);
        foreach (ShardEntry sample in samples)
        {
            ShardSample asked = new(name, sample, stream);
            if (options.Where is null || options.Where(asked))
            {
                picks.Add(options.Map is null ? Default(sample) : Mapped(name, sample, options.Map(asked)));
            }
        }

        return picks;
    }

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
