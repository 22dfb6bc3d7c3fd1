namespace Diffusion.Data;

/// <summary>
/// The transforms of one source: first those that choose a part of the image, then those that change pixels. Safe from several threads.
/// </summary>
internal sealed class TransformList
{
    private readonly Keyed<WindowTransform>[] windows;
    private readonly Keyed<PixelTransform>[] edits;

    /// <summary>Checks and keeps a list.</summary>
    /// <param name="transforms">In the order in which they apply.</param>
    /// <param name="before">Those that were applied before: what has their names must draw something else.</param>
    /// <param name="channels">Of the images.</param>
    /// <exception cref="ArgumentException">One is null, comes too late, or does not fit the images.</exception>
    public TransformList(IReadOnlyList<ImageTransform> transforms, IReadOnlyList<ImageTransform> before, int channels)
    {
        All = [.. transforms];
        if (All.Any(transform => transform is null))
        {
            throw new ArgumentException("One of the transforms is null.", nameof(transforms));
        }

        if (All.Select(transform => transform.ProblemWith(channels)).OfType<string>().FirstOrDefault() is { } problem)
        {
            throw new ArgumentException(problem, nameof(transforms));
        }

        if (All.SkipWhile(transform => transform is WindowTransform).OfType<WindowTransform>().FirstOrDefault() is { } late)
        {
            throw new ArgumentException(
                $"{late.Name} comes after {All.First(transform => transform is PixelTransform).Name}, but crops and resizes come first. "
                    + $"Put it at the beginning.", nameof(transforms));
        }

        Dictionary<string, long> seen = before.GroupBy(transform => transform.Name, StringComparer.Ordinal)
            .ToDictionary(group => group.Key, group => group.LongCount(), StringComparer.Ordinal);
        List<Keyed<ImageTransform>> keyed = [];
        foreach (ImageTransform transform in All)
        {
            long times = seen.GetValueOrDefault(transform.Name);
            seen[transform.Name] = times + 1;
            keyed.Add(new Keyed<ImageTransform>(transform, KeyOf(transform.Name), times));
        }

        windows = [.. keyed.Where(one => one.Transform is WindowTransform)
            .Select(one => new Keyed<WindowTransform>((WindowTransform)one.Transform, one.Key, one.Times))];
        edits = [.. keyed.Where(one => one.Transform is PixelTransform)
            .Select(one => new Keyed<PixelTransform>((PixelTransform)one.Transform, one.Key, one.Times))];
    }

    /// <summary>All of them, in their order.</summary>
    public IReadOnlyList<ImageTransform> All { get; }

    /// <summary>Whether some choose a part of the image or its size.</summary>
    public bool HasWindows => windows.Length > 0;

    /// <summary>Whether some change pixels.</summary>
    public bool HasEdits => edits.Length > 0;

    /// <summary>Whether all take no longer than a copy.</summary>
    public bool AreQuick => !HasWindows && edits.All(edit => edit.Transform.IsQuick);

    /// <summary>Which part of an image is kept, before it is brought to the shape of the set.</summary>
    /// <param name="frame">The whole image.</param>
    /// <param name="target">The size of the set.</param>
    /// <param name="draws">The stream of the image and epoch; null for a measurement.</param>
    /// <exception cref="ImageDataException">The image is too small for a crop. Its path is empty.</exception>
    /// <exception cref="ImageTransformException">A user's code failed. Its image is empty.</exception>
    public ImageFrame Choose(ImageFrame frame, (int Width, int Height) target, SeedStream? draws)
    {
        foreach (Keyed<WindowTransform> window in windows)
        {
            try
            {
                frame = window.Transform.Apply(frame, target, draws is { } stream ? window.StreamOf(stream) : null);
            }
            catch (Exception problem)
            {
                throw Named(window.Transform, problem);
            }
        }

        return frame;
    }

    /// <summary>Changes the pixels of an image.</summary>
    /// <param name="image">The pixels, at the size of the set.</param>
    /// <param name="draws">The stream of the image and epoch; null for a measurement.</param>
    /// <exception cref="ImageDataException">A transform cannot use this image. Its path is empty.</exception>
    /// <exception cref="ImageTransformException">A user's code failed. Its image is empty.</exception>
    public void Edit(ImageCanvas image, SeedStream? draws)
    {
        foreach (Keyed<PixelTransform> edit in edits)
        {
            if (edit.Transform.IsRandom && draws is null)
            {
                continue;
            }

            try
            {
                edit.Transform.Apply(image, draws is { } stream ? edit.StreamOf(stream) : default);
            }
            catch (Exception problem)
            {
                throw Named(edit.Transform, problem);
            }
        }
    }

    /// <summary>What a description of the source says of them: empty, or beginning with a comma.</summary>
    public override string ToString() => string.Concat(All.Select(transform => $", {transform}"));

    // Whatever a user's code throws ends the run, files and cancellation too; only an ImageDataException is about the image.
    private static Exception Named(ImageTransform transform, Exception problem) => problem is ImageDataException bad
        ? new ImageDataException(bad.Path, $"{transform.Name}: {bad.Reason}", bad)
        : new ImageTransformException(transform.Name, string.Empty, problem);

    // FNV-1a over the name's UTF-16: the same in every process, where string.GetHashCode is not.
    private static long KeyOf(string name)
    {
        ulong hash = 14695981039346656037;
        foreach (char letter in name)
        {
            hash = (hash ^ letter) * 1099511628211;
        }

        return (long)hash;
    }

    private sealed record Keyed<T>(T Transform, long Key, long Times)
        where T : ImageTransform
    {
        public SeedStream StreamOf(SeedStream draws) =>
            draws.Child(RandomPurpose.Augmentation, Key).Child(RandomPurpose.Augmentation, Times);
    }
}
