using System.Globalization;

namespace Diffusion.Data;

/// <summary>
/// A transform that applies to images when they are read: a crop, a flip, a change of colors, or a custom one. Pass a list as
/// <see cref="ImagePreparation.Transforms"/>, or apply it to any source with <see cref="ImageSourceExtensions.With"/>; transforms apply in
/// order.
/// </summary>
/// <remarks>
/// <para>
/// The random numbers of a transform are a pure function of the run's seed, the image's position in the run, and the transform's
/// <see cref="Name"/>: they do not depend on workers, resuming, the number of processes or other transforms in the list. Two transforms
/// with the same name in a list draw different numbers. For measurements (held-out losses, statistics) images are read without random
/// transforms: a random crop becomes a centered crop, and the other random transforms do nothing.
/// </para>
/// <para>
/// Crops and resizes must come first in a list. They only select a part of the decoded image, which is resampled once from its original
/// pixels. The transforms after them change the pixels at the final size.
/// </para>
/// </remarks>
public abstract class ImageTransform
{
    private protected ImageTransform(string name, bool isRandom)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        Name = name;
        IsRandom = isRandom;
    }

    /// <summary>
    /// The name, which identifies the transform in errors and for random numbers: <c>RandomFlip</c>, or the name of a custom transform.
    /// </summary>
    public string Name { get; }

    /// <summary>Whether the transform is random.</summary>
    public bool IsRandom { get; }

    /// <summary>Scales the image to a given shorter side, without distortion. Use it before a crop in pixels.</summary>
    /// <param name="shorterSide">The side in pixels, at least 1.</param>
    public static ImageTransform Resize(int shorterSide)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(shorterSide, 1);
        return new WindowTransform("Resize", Text(shorterSide), isRandom: false, (frame, _, _) => frame.WithShorterSide(shorterSide));
    }

    /// <summary>Scales the whole image to the final size: nothing is cut off, but the image may be distorted.</summary>
    public static ImageTransform Stretch() =>
        new WindowTransform("Stretch", null, isRandom: false, (frame, target, _) => frame.Resized(target.Width, target.Height));

    /// <summary>Crops a centered square. A smaller image is a bad image; use <see cref="Resize"/> first.</summary>
    /// <param name="side">The side in pixels, at least 1.</param>
    public static ImageTransform CenterCrop(int side)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(side, 1);
        return new WindowTransform("CenterCrop", Text(side), isRandom: false, (frame, _, _) => frame.Crop(frame.Center(side, side)));
    }

    /// <summary>
    /// Crops a square at a random place. A smaller image is a bad image; use <see cref="Resize"/> first. For measurements the square is
    /// centered.
    /// </summary>
    /// <param name="side">The side in pixels, at least 1.</param>
    public static ImageTransform RandomCrop(int side)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(side, 1);
        return new WindowTransform(
            "RandomCrop", Text(side), isRandom: true,
            (frame, _, draws) => frame.Crop(draws is { } stream ? frame.RandomWindow(side, side, stream) : frame.Center(side, side)));
    }

    /// <summary>
    /// Crops a square of random size at a random place, without distortion. For measurements it is the largest centered square.
    /// </summary>
    /// <param name="minFraction">
    /// The minimum side of the square as a fraction of the shorter side of the image, above 0 and at most 1. The maximum is the whole
    /// shorter side. Default 1: always as large as possible.
    /// </param>
    public static ImageTransform RandomSquare(double minFraction = 1) => RandomWindows.Square(minFraction);

    /// <summary>
    /// Crops a part of random area and aspect ratio at a random place, and scales it to the final size, like torchvision's
    /// <c>RandomResizedCrop</c>. Distorts the image, unlike <see cref="RandomSquare"/>. For measurements it is the largest centered part
    /// with the final aspect ratio.
    /// </summary>
    /// <param name="minArea">The minimum fraction of the image's area, above 0. Default 0.08.</param>
    /// <param name="maxArea">The maximum fraction of the image's area, at most 1. Default 1.</param>
    /// <param name="minAspect">The minimum ratio of width to height, above 0. Default 3/4.</param>
    /// <param name="maxAspect">The maximum ratio of width to height, at most 100. Default 4/3.</param>
    public static ImageTransform RandomResizedCrop(double minArea = 0.08, double maxArea = 1, double minAspect = 3.0 / 4,
        double maxAspect = 4.0 / 3) =>
        RandomWindows.Resized(minArea, maxArea, minAspect, maxAspect);

    /// <summary>
    /// Flips the image horizontally at random. Only for images whose mirror image is equally plausible, so not for digits or letters.
    /// </summary>
    /// <param name="probability">The probability of a flip, 0 to 1. Default 0.5.</param>
    public static ImageTransform RandomFlip(double probability = 0.5) => new FlipTransform(Probability(probability));

    /// <summary>
    /// Changes brightness, contrast, saturation and hue at random, in random order, like torchvision's <c>ColorJitter</c>. Factors are
    /// uniform between 1 - x (at least 0) and 1 + x; the rotation of the hue is uniform between -x and x of a full turn. At least one
    /// argument must be above 0.
    /// </summary>
    /// <param name="brightness">The maximum change of brightness, at least 0. Default 0: unchanged.</param>
    /// <param name="contrast">The maximum change of contrast, relative to the mean gray of the image, at least 0. Default 0.</param>
    /// <param name="saturation">The maximum change of saturation, at least 0. Default 0. Not for grayscale images.</param>
    /// <param name="hue">The maximum rotation of the hue, 0 to 0.5. Default 0. Not for grayscale images.</param>
    public static ImageTransform ColorJitter(double brightness = 0, double contrast = 0, double saturation = 0, double hue = 0) =>
        new ColorJitterTransform(brightness, contrast, saturation, hue);

    /// <summary>Replaces every pixel by its gray value (0.299 red, 0.587 green, 0.114 blue).</summary>
    public static ImageTransform Grayscale() => new GrayscaleTransform("Grayscale", probability: null);

    /// <summary>Applies <see cref="Grayscale"/> at random.</summary>
    /// <param name="probability">The probability, 0 to 1. Default 0.1.</param>
    public static ImageTransform RandomGrayscale(double probability = 0.1) =>
        new GrayscaleTransform("RandomGrayscale", Probability(probability));

    /// <summary>A custom crop without randomness.</summary>
    /// <param name="name">The name in errors and in the checkpoints of a run; use another name for another behavior.</param>
    /// <param name="choose">Given the width and height in pixels, returns the part to keep. Must be thread-safe.</param>
    public static ImageTransform Crop(string name, Func<int, int, ImageWindow> choose)
    {
        ArgumentNullException.ThrowIfNull(choose);
        return new WindowTransform(name, null, isRandom: false, (frame, _, _) => frame.CropChecked(choose(frame.Width, frame.Height)));
    }

    /// <summary>A custom random crop. For measurements it does nothing.</summary>
    /// <param name="name">
    /// The name in errors and in the checkpoints of a run, which also seeds its random numbers; use another name for another behavior.
    /// </param>
    /// <param name="choose">
    /// Given the width and height in pixels and a random stream (purpose <see cref="RandomPurpose.Augmentation"/>), returns the part to
    /// keep. Must be thread-safe.
    /// </param>
    public static ImageTransform RandomCrop(string name, Func<int, int, SeedStream, ImageWindow> choose)
    {
        ArgumentNullException.ThrowIfNull(choose);
        return new WindowTransform(
            name, null, isRandom: true, (frame, _, draws) => draws is { } stream
                ? frame.CropChecked(choose(frame.Width, frame.Height, stream))
                : frame);
    }

    /// <summary>A custom change of pixels without randomness.</summary>
    /// <param name="name">The name in errors and in the checkpoints of a run; use another name for another behavior.</param>
    /// <param name="edit">
    /// Changes the pixels in place. Must be thread-safe. An exception ends the run with an <see cref="InvalidOperationException"/> that
    /// names the image.
    /// </param>
    public static ImageTransform Edit(string name, Action<ImageCanvas> edit)
    {
        ArgumentNullException.ThrowIfNull(edit);
        return new EditTransform(name, isRandom: false, (pixels, _) => edit(pixels));
    }

    /// <summary>A custom random change of pixels. For measurements it does nothing.</summary>
    /// <param name="name">
    /// The name in errors and in the checkpoints of a run, which also seeds its random numbers; use another name for another behavior.
    /// </param>
    /// <param name="edit">
    /// Changes the pixels in place, using random numbers from the stream only: <c>draws.Uniform(RandomPurpose.Augmentation, 0)</c> is the
    /// first number in [0, 1). The stream differs for each image, epoch and transform. Must be thread-safe. An exception ends the run with
    /// an <see cref="InvalidOperationException"/> that names the image.
    /// </param>
    public static ImageTransform RandomEdit(string name, Action<ImageCanvas, SeedStream> edit)
    {
        ArgumentNullException.ThrowIfNull(edit);
        return new EditTransform(name, isRandom: true, edit);
    }

    /// <summary>The name and settings, as in the manifest of a run: <c>RandomFlip(0.5)</c>.</summary>
    public override string ToString() => Name;

    /// <summary>Why the transform does not support images with a number of channels; null when it does.</summary>
    internal virtual string? ProblemWith(int channels) => null;

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);

    private static double Probability(double value) => value is >= 0 and <= 1
        ? value
        : throw new ArgumentOutOfRangeException(nameof(value), value,
            $"The probability is {value}, but must be in 0..1. For half of the images use 0.5.");
}
