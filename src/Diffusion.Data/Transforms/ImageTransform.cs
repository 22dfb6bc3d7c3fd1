using System.Globalization;

namespace Diffusion.Data;

/// <summary>
/// A change of images as they are read: a crop, a flip, other colours, or one of your own. Give a list of them as
/// <see cref="ImagePreparation.Transforms"/>, or to any source by <see cref="ImageSourceExtensions.With"/>; they apply in their order.
/// </summary>
/// <remarks>
/// <para>
/// What a random transform draws is a pure function of the run's seed, the image's position in the run, and the transform's
/// <see cref="Name"/>: workers, resuming, the number of processes and other transforms in the list change nothing. A name that comes twice
/// in a list draws something else each time. Images that are only measured (held-out losses, statistics) are read without anything random:
/// a random crop becomes the middle one, the other random transforms do nothing.
/// </para>
/// <para>
/// Crops and resizes come first in a list. They only choose a part of the image as it was decoded; the image is sampled once, from its own
/// pixels, when all of them are known. What follows works on the pixels at the size of the set.
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

    /// <summary>The name that draws and errors go by: <c>RandomFlip</c>, or that of a transform of your own.</summary>
    public string Name { get; }

    /// <summary>Whether it draws, so that it changes an image anew each time that the image is trained on.</summary>
    public bool IsRandom { get; }

    /// <summary>
    /// Scales the image so that its shorter side has this many pixels; nothing is distorted. For a crop in pixels behind it.
    /// </summary>
    /// <param name="shorterSide">In pixels, at least 1.</param>
    public static ImageTransform Resize(int shorterSide)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(shorterSide, 1);
        return new WindowTransform("Resize", Text(shorterSide), isRandom: false, (frame, _, _) => frame.WithShorterSide(shorterSide));
    }

    /// <summary>Scales the whole image to the size of the set, whatever its shape: nothing is cut off, but it may be distorted.</summary>
    public static ImageTransform Stretch() =>
        new WindowTransform("Stretch", null, isRandom: false, (frame, target, _) => frame.Resized(target.Width, target.Height));

    /// <summary>A square from the middle. An image that is smaller is a bad image: put <see cref="Resize"/> before.</summary>
    /// <param name="side">In pixels, at least 1.</param>
    public static ImageTransform CenterCrop(int side)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(side, 1);
        return new WindowTransform("CenterCrop", Text(side), isRandom: false, (frame, _, _) => frame.Cut(frame.Middle(side, side)));
    }

    /// <summary>
    /// A square anywhere, every place as likely. An image that is smaller is a bad image: put <see cref="Resize"/> before. The middle when
    /// the image is only measured.
    /// </summary>
    /// <param name="side">In pixels, at least 1.</param>
    public static ImageTransform RandomCrop(int side)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(side, 1);
        return new WindowTransform(
            "RandomCrop", Text(side), isRandom: true,
            (frame, _, draws) => frame.Cut(draws is { } stream ? frame.RandomWindow(side, side, stream) : frame.Middle(side, side)));
    }

    /// <summary>
    /// A square anywhere, whose side is drawn evenly between a share of the image's shorter side and all of it: nothing is distorted. The
    /// largest square from the middle when the image is only measured.
    /// </summary>
    /// <param name="minFraction">
    /// The smallest side, as a share of the shorter side, above 0 and at most 1. Default 1: always as large as fits.
    /// </param>
    public static ImageTransform RandomSquare(double minFraction = 1) => RandomWindows.Square(minFraction);

    /// <summary>
    /// A part of random area and shape anywhere, scaled to the size of the set: <c>RandomResizedCrop</c> of torchvision. It distorts;
    /// <see cref="RandomSquare"/> does not. The largest part of the set's shape from the middle when the image is only measured.
    /// </summary>
    /// <param name="minArea">The least share of the image's area, above 0. Default 0.08.</param>
    /// <param name="maxArea">The largest share, at most 1. Default 1.</param>
    /// <param name="minAspect">The least width for each height, above 0. Default 3/4.</param>
    /// <param name="maxAspect">The largest width for each height. Default 4/3.</param>
    public static ImageTransform RandomResizedCrop(double minArea = 0.08, double maxArea = 1, double minAspect = 3.0 / 4,
        double maxAspect = 4.0 / 3) =>
        RandomWindows.Resized(minArea, maxArea, minAspect, maxAspect);

    /// <summary>
    /// Mirrors an image left to right, for pictures whose mirror image is as likely. Not for digits, letters, or anything else that has a
    /// left and a right.
    /// </summary>
    /// <param name="probability">How often, 0 to 1. Default 0.5.</param>
    public static ImageTransform RandomFlip(double probability = 0.5) => new FlipTransform(Probability(probability));

    /// <summary>
    /// Changes brightness, contrast, saturation and hue at random, in random order: <c>ColorJitter</c> of torchvision. A factor is drawn
    /// evenly between 1 - x (at least 0) and 1 + x, the hue between -x and x of a full turn. At least one is above 0.
    /// </summary>
    /// <param name="brightness">0 or more. Default 0: unchanged.</param>
    /// <param name="contrast">0 or more, about the image's mean grey. Default 0.</param>
    /// <param name="saturation">0 or more. Default 0. Not for grey images.</param>
    /// <param name="hue">0 to 0.5. Default 0. Not for grey images.</param>
    public static ImageTransform ColorJitter(double brightness = 0, double contrast = 0, double saturation = 0, double hue = 0) =>
        new ColorJitterTransform(brightness, contrast, saturation, hue);

    /// <summary>Gives every pixel of a colour image its grey value (0.299 red, 0.587 green, 0.114 blue), always.</summary>
    public static ImageTransform Grayscale() => new GrayscaleTransform("Grayscale", probability: null);

    /// <summary>As <see cref="Grayscale"/>, at random.</summary>
    /// <param name="probability">How often, 0 to 1. Default 0.1.</param>
    public static ImageTransform RandomGrayscale(double probability = 0.1) =>
        new GrayscaleTransform("RandomGrayscale", Probability(probability));

    /// <summary>A crop of your own, the same for every reading.</summary>
    /// <param name="name">What a resumed run and errors know it by; change it when what it does changes.</param>
    /// <param name="choose">Given width and height in pixels, the part to keep. Called from several threads.</param>
    public static ImageTransform Crop(string name, Func<int, int, ImageWindow> choose)
    {
        ArgumentNullException.ThrowIfNull(choose);
        return new WindowTransform(name, null, isRandom: false, (frame, _, _) => frame.CropChecked(choose(frame.Width, frame.Height)));
    }

    /// <summary>
    /// A random crop of your own. Where images are only measured it does nothing: the middle of what it was given is kept.
    /// </summary>
    /// <param name="name">What draws, a resumed run and errors know it by; change it when what it does changes.</param>
    /// <param name="choose">
    /// Given width and height in pixels and what to draw from (purpose <see cref="RandomPurpose.Augmentation"/>), the part to keep. Called
    /// from several threads.
    /// </param>
    public static ImageTransform RandomCrop(string name, Func<int, int, SeedStream, ImageWindow> choose)
    {
        ArgumentNullException.ThrowIfNull(choose);
        return new WindowTransform(
            name, null, isRandom: true, (frame, _, draws) => draws is { } stream
                ? frame.CropChecked(choose(frame.Width, frame.Height, stream))
                : frame);
    }

    /// <summary>A change of pixels of your own, the same for every reading.</summary>
    /// <param name="name">What a resumed run and errors know it by; change it when what it does changes.</param>
    /// <param name="edit">Changes the pixels in place. Called from several threads. An exception of it ends the run.</param>
    public static ImageTransform Edit(string name, Action<ImageCanvas> edit)
    {
        ArgumentNullException.ThrowIfNull(edit);
        return new EditTransform(name, isRandom: false, (pixels, _) => edit(pixels));
    }

    /// <summary>A random change of pixels of your own. Images that are only measured stay as they are.</summary>
    /// <param name="name">What draws, a resumed run and errors know it by; change it when what it does changes.</param>
    /// <param name="edit">
    /// Changes the pixels in place, by what it draws from the stream (purpose <see cref="RandomPurpose.Augmentation"/>) and nothing else.
    /// Called from several threads. An exception of it ends the run.
    /// </param>
    public static ImageTransform RandomEdit(string name, Action<ImageCanvas, SeedStream> edit)
    {
        ArgumentNullException.ThrowIfNull(edit);
        return new EditTransform(name, isRandom: true, edit);
    }

    /// <summary>Name and settings, as a run's manifest has them: <c>RandomFlip(0.5)</c>.</summary>
    public override string ToString() => Name;

    /// <summary>What is wrong about it for images of so many channels; null when nothing is.</summary>
    internal virtual string? ProblemWith(int channels) => null;

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);

    private static double Probability(double value) => value is >= 0 and <= 1
        ? value
        : throw new ArgumentOutOfRangeException(nameof(value), value,
            $"The probability is {value}, but must lie in 0..1. For half of the images give 0.5.");
}
