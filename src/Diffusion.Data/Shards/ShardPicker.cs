namespace Diffusion.Data;

/// <summary>Selects the image and the label of each sample.</summary>
internal sealed class ShardPicker
{
    private const int Named = 5;

    private readonly ShardOptions options;
    private readonly string[] imageExtensions;

    public ShardPicker(ShardOptions options)
    {
        this.options = options;
        imageExtensions = [.. options.ImageExtensions.Select(extension => extension.TrimStart('.').ToLowerInvariant())];
    }

    /// <summary>The image of a sample: its first file with the first matching extension; null when it has none.</summary>
    public static ShardMember? ImageOf(ShardEntry sample, IReadOnlyList<string> extensions)
    {
        foreach (string extension in extensions)
        {
            foreach (ShardMember member in sample.Members)
            {
                if (member.Extension == extension)
                {
                    return member;
                }
            }
        }

        return null;
    }

    /// <summary>Selects the images of a shard.</summary>
    /// <param name="name">The shard.</param>
    /// <param name="contents">The contents of the shard.</param>
    /// <param name="stream">The bytes of the shard, for the filters.</param>
    /// <exception cref="ImageDataException">
    /// A label is invalid and damaged samples are not skipped; no sample has an image; or Map returned a missing file.
    /// </exception>
    public ShardSelection Pick(string name, ShardContents contents, Stream stream)
    {
        List<ShardPick> picks = new(contents.Samples.Count);
        List<string> damaged = [];
        List<string> withoutImage = [];
        List<string> withoutLabel = [];
        foreach (ShardEntry sample in contents.Samples)
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
            else if (ProblemOf(sample, stream) is { } problem)
            {
                damaged.Add($"{sample.Key} ({problem})");
            }
            else if (ImageOf(sample, imageExtensions) is { } image)
            {
                picks.Add(new ShardPick(sample.Key, image.Offset, image.Size, sample.Label ?? -1));
            }
            else
            {
                withoutImage.Add($"{sample.Key} ({sample.Files})");
                picks.Add(new ShardPick(sample.Key, -1, 0, sample.Label ?? -1,
                    $"the sample has no image file, only {sample.Files}. {KeyRule}"));
            }

            if (withoutLabel.Count < Named && picks is [.., { Label: < 0 } last] && last.Key == sample.Key)
            {
                withoutLabel.Add($"{sample.Key} ({sample.Files})");
            }
        }

        Check(name, picks.Count, damaged, withoutImage);
        return new ShardSelection(picks, damaged, withoutImage, withoutLabel, contents.Ignored);
    }

    /// <summary>The rule that explains missing images and labels in most cases.</summary>
    public const string KeyRule =
        "The key of a sample ends at the first dot of the file name; use ShardOptions.Map for files with other extensions.";

    /// <summary>The error about samples whose labels or images cannot be read.</summary>
    public static ImageDataException Unreadable(string name, IReadOnlyList<string> samples) => new(
        name, $"{samples.Count} of its samples cannot be read: {FirstOf(samples)}. "
        + "A label is an integer of at least 0, in a cls file or as label or cls in a json file; "
        + "for other labels, or for none, set ShardOptions.Map: sample => (\"jpg\", label). "
        + "tar --dereference --hard-dereference replaces links by files.");

    /// <summary>The first few samples, as messages list them.</summary>
    public static string FirstOf(IReadOnlyList<string> samples) =>
        string.Join(", ", samples.Take(Named)) + (samples.Count > Named ? ", ..." : string.Empty);

    private void Check(string name, int picked, List<string> damaged, List<string> withoutImage)
    {
        if (damaged.Count > 0 && !options.SkipDamaged)
        {
            throw Unreadable(name, damaged);
        }

        if (picked > 0 && withoutImage.Count == picked)
        {
            throw new ImageDataException(
                name, $"none of its {picked} samples has an image file, one of .{string.Join(", .", imageExtensions)}: "
                + $"{FirstOf(withoutImage)}. {KeyRule}");
        }
    }

    private string? ProblemOf(ShardEntry sample, Stream stream) =>
        sample.Label == ShardEntry.UnreadableLabel ? ShardLabel.Read(stream, sample.Members).Problem ?? "it has changed"
        : ImageOf(sample, imageExtensions) is { IsMissing: true } image
            ? $".{image.Extension} is a link to a file that is not in the shard"
        : null;

    private static ShardPick Mapped(string name, ShardEntry sample, (string Extension, int? Label) image)
    {
        ShardMember member = sample.Members.FirstOrDefault(member => member.Extension == image.Extension);
        string chosen = $"Map returned its file '.{image.Extension}'";
        string? problem =
            member.Extension is null ? $"{chosen}, but it has only {string.Join(", ", sample.Members.Select(m => m.Extension))}."
            : member.IsMissing ? $"{chosen}, which is a link to a file that is not in the shard."
            : image.Label < 0 ? $"Map returned the label {image.Label}, but labels must be at least 0."
            : null;
        return problem is null
            ? new ShardPick(sample.Key, member.Offset, member.Size, image.Label ?? -1)
            : throw new ImageDataException($"{name}, sample {sample.Key}", problem);
    }
}
