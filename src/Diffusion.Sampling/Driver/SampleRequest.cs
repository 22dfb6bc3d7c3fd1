using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>Which images to generate. The same request to the same model gives the same images.</summary>
public sealed record SampleRequest
{
    /// <summary>How many images, at least 1.</summary>
    public required int Count { get; init; }

    /// <summary>The seed of all noise. Default 0.</summary>
    public long Seed { get; init; }

    /// <summary>The shape of the images. Default null: the shape the model was built for or trained on.</summary>
    public ImageShape? Shape { get; init; }

    /// <summary>
    /// How many images pass through the network at a time, at least 1. Default 64. It affects memory and speed: the noise is identical for
    /// every batch size, the images up to rounding in the network.
    /// </summary>
    public int BatchSize { get; init; } = 64;

    /// <summary>The class of each image in [0, ClassCount-1], or one for all; null (the default) for a model without classes.</summary>
    public IReadOnlyList<long>? ClassLabels { get; init; }

    /// <summary>
    /// The index of the first image among all images of the seed, at least 0. Default 0. Image 41 alone is
    /// <c>Count = 1, FirstIndex = 41</c>.
    /// </summary>
    public long FirstIndex { get; init; }

    /// <summary>
    /// The clean images that sampling starts from: with noise of the first level for image to image (<see cref="StrengthGrid"/>), without
    /// noise for inversion (<see cref="ReversedGrid"/>). A strength of 1 keeps nothing of them, a strength of 0 returns them. Floating
    /// point <c>[1 or Count, C, H, W]</c>; they stay the caller's. Default null: noise alone.
    /// </summary>
    public Tensor? StartImages { get; init; }

    /// <summary>
    /// The initial noise in place of the seed's, of unit variance: from <see cref="NoiseInterpolation"/> or an inversion. Floating point
    /// <c>[1 or Count, C, H, W]</c>; it stays the caller's. The noise of later steps still comes from the seed. Default null: drawn from
    /// <see cref="Seed"/>.
    /// </summary>
    public Tensor? StartNoise { get; init; }

    /// <summary>The seed and index of each image of several requests that are sampled together; null for a single request.</summary>
    internal IReadOnlyList<SeededImage>? Together { get; init; }

    /// <summary>Cycles through the classes, 0, 1, 2, ..., 0, 1, ...: labels for a picture of all classes.</summary>
    /// <param name="count">How many images, at least 1.</param>
    /// <param name="classCount">How many classes the model has, or null for none.</param>
    /// <returns>One label for each image; null where there are no classes.</returns>
    public static IReadOnlyList<long>? ClassesInTurn(int count, int? classCount)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(classCount ?? 1, 1, nameof(classCount));
        return classCount is { } classes ? [.. Enumerable.Range(0, count).Select(image => (long)(image % classes))] : null;
    }

    /// <summary>Lists the reasons why this denoiser cannot generate these images, each with its remedy; empty when it can.</summary>
    public IReadOnlyList<string> Problems(IDenoiser denoiser)
    {
        ArgumentNullException.ThrowIfNull(denoiser);
        Denoiser source = denoiser.Source;
        List<string> problems = [];
        if (Count < 1)
        {
            problems.Add($"Count is {Count}, but must be at least 1.");
        }

        if (BatchSize < 1)
        {
            problems.Add($"BatchSize is {BatchSize}, but must be at least 1. Use 64, or less if memory is short.");
        }

        if (FirstIndex < 0 || FirstIndex > long.MaxValue - Math.Max(Count, 0))
        {
            problems.Add($"FirstIndex is {FirstIndex}, but must lie in [0, 2^63 - Count): images are counted from 0.");
        }

        problems.AddRange(ShapeProblems(source));
        problems.AddRange(StartProblems(source, StartImages, nameof(StartImages)));
        problems.AddRange(StartProblems(source, StartNoise, nameof(StartNoise)));
        problems.AddRange(ClassProblems(source.Model.ClassCount));
        return problems;
    }

    /// <summary>
    /// The request of some of these images: they have the noise, the classes and the start that they have among all. Tensors are views, in
    /// the current dispose scope.
    /// </summary>
    internal SampleRequest Part(int first, int count) => this with
    {
        Count = count,
        FirstIndex = FirstIndex + first,
        ClassLabels = LabelsAt(first, count),
        StartImages = Rows(StartImages, first, count),
        StartNoise = Rows(StartNoise, first, count),
        Together = Together is null ? null : ImagesAt(first, count),
    };

    /// <summary>The seeds and indices of some images.</summary>
    internal IReadOnlyList<SeededImage> ImagesAt(int first, int count) =>
        [.. Enumerable.Range(first, count).Select(i => Together is { } images ? images[i] : new SeededImage(Seed, FirstIndex + i))];

    /// <summary>The class of each of some images; null for a model without classes.</summary>
    internal IReadOnlyList<long>? LabelsAt(int first, int count) => ClassLabels is { } labels
        ? [.. Enumerable.Range(first, count).Select(i => labels[labels.Count == 1 ? 0 : i])]
        : null;

    private static Tensor? Rows(Tensor? given, int first, int count) =>
        given is null || given.shape[0] == 1 ? given : given.narrow(0, first, count); // [1 or count, C, H, W]

    private IReadOnlyList<string> ShapeProblems(Denoiser denoiser) => (Shape ?? denoiser.SampleShape) switch
    {
        null => ["Shape is not set, and the model takes several sizes. Set Shape, for example ImageShape.Square(32)."],
        { Channels: < 1 } or { Height: < 1 } or { Width: < 1 } =>
            [$"Shape is {Shape ?? denoiser.SampleShape}, but channels, height and width must each be at least 1."],
        { } shape => denoiser.Model.Problems(shape, denoiser.Schedule),
    };

    private IReadOnlyList<string> StartProblems(Denoiser denoiser, Tensor? given, string name)
    {
        if (given is not { } images || (Shape ?? denoiser.SampleShape) is not { } shape)
        {
            return [];
        }

        bool fits = images.is_floating_point() && images.dim() == 4 && (images.shape[0] == 1 || images.shape[0] == Count)
            && images.shape.AsSpan(1).SequenceEqual([shape.Channels, shape.Height, shape.Width]);
        return fits
            ? []
            : [$"{name} is {images.dtype} [{string.Join(", ", images.shape)}], but must be floating point [1 or {Count}, "
                + $"{shape.Channels}, {shape.Height}, {shape.Width}]. Set Shape to that of the images."];
    }

    private List<string> ClassProblems(int? classes)
    {
        if (ClassLabels is not { } labels)
        {
            return classes is null
                ? []
                : [$"ClassLabels are not set, but the model has {classes} classes. Give one of 0..{classes - 1} for all images, or "
                    + $"one for each."];
        }

        if (classes is null)
        {
            return [$"ClassLabels holds {labels.Count} labels, but the model has no classes. Leave ClassLabels null."];
        }

        List<string> problems = [];
        if (labels.Count != 1 && labels.Count != Count)
        {
            problems.Add($"ClassLabels holds {labels.Count} labels for {Count} images. Give one for all, or one for each.");
        }

        long[] unknown = [.. labels.Where(label => label < 0 || label >= classes).Distinct().Take(5)];
        if (unknown.Length > 0)
        {
            problems.Add($"ClassLabels holds {string.Join(", ", unknown)}, but the model's classes are 0..{classes - 1}.");
        }

        return problems;
    }
}
