namespace Diffusion.Data;

/// <summary>
/// The transforms of one source: first those that select a part of the image, then those that change pixels. Thread-safe.
/// </summary>
internal sealed class TransformList
{
    private readonly Keyed<WindowTransform>[] windows;
    private readonly Keyed<PixelTransform>[] edits;

    /// <summary>Checks a list of transforms.</summary>
    /// <param name="transforms">The transforms, in the order in which they apply.</param>
    /// <param name="before">The transforms that apply before; a transform with the same name must draw different numbers.</param>
    /// <param name="channels">The number of channels of the images.</param>
    /// <exception cref="ArgumentException">A transform is null, comes too late, or does not support the images.</exception>
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
                $"{late.Name} comes after {All.First(transform => transform is PixelTransform).Name}, "
                + "but crops and resizes must come first. "
                + "Move it to the beginning.", nameof(transforms));
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

    /// <summary>All transforms, in order.</summary>
    public IReadOnlyList<ImageTransform> All { get; }

    /// <summary>Whether any transform selects a part of the image or its size.</summary>
    public bool HasWindows => windows.Length > 0;

    /// <summary>Whether any transform changes pixels.</summary>
    public bool HasEdits => edits.Length > 0;

    /// <summary>Whether all transforms are as fast as a copy.</summary>
    public bool AreQuick => !HasWindows && edits.All(edit => edit.Transform.IsQuick);

    /// <summary>Selects the part of an image, before it is brought to the final size.</summary>
    /// <param name="frame">The whole image.</param>
    /// <param name="target">The final size.</param>
    /// <param name="draws">The random stream of the image and epoch; null for a measurement.</param>
    /// <exception cref="ImageDataException">The image is too small for a crop. The path of the exception is empty.</exception>
    /// <exception cref="ImageTransformException">User code failed. The image of the exception is empty.</exception>
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
    /// <param name="draws">The random stream of the image and epoch; null for a measurement.</param>
    /// <exception cref="ImageDataException">A transform cannot use the image. The path of the exception is empty.</exception>
    /// <exception cref="ImageTransformException">User code failed. The image of the exception is empty.</exception>
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

    /// <summary>The text for the description of the source: empty, or beginning with a comma.</summary>
    public override string ToString() => string.Concat(All.Select(transform => $", {transform}"));

    // Any exception of user code ends the run, even IOException and OperationCanceledException; only an ImageDataException is about the
    // image.
    private static Exception Named(ImageTransform transform, Exception problem) => problem is ImageDataException bad
        ? new ImageDataException(bad.Path, $"{transform.Name}: {bad.Reason}", bad)
        : new ImageTransformException(transform.Name, string.Empty, problem);

    // FNV-1a over UTF-16: unlike string.GetHashCode, it is the same in every process.
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
