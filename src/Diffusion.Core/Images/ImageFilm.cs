using static TorchSharp.torch;

namespace Diffusion;

/// <summary>Grids of images as an animation, in one WebP file that browsers show.</summary>
public static class ImageFilm
{
    /// <summary>How long each frame is shown by default: a tenth of a second.</summary>
    public static TimeSpan DefaultFrameTime { get; } = TimeSpan.FromMilliseconds(100);

    /// <summary>How long the last frame is shown by default: two seconds.</summary>
    public static TimeSpan DefaultLastFrameTime { get; } = TimeSpan.FromSeconds(2);

    /// <summary>Writes frames, each a grid like that of <see cref="ImageGrid"/>, without loss. The film repeats forever.</summary>
    /// <param name="frames">
    /// The frames, each floating point <c>[N, C, H, W]</c> of the same shape, in [-1, 1]; values outside are clamped.
    /// </param>
    /// <param name="path">The WebP file to write; its folder is created, an older file is replaced.</param>
    /// <param name="columns">Images in a row; default the smallest whole number whose square is at least N.</param>
    /// <param name="padding">The width of the lines in pixels of the file, 0 or more. Default 2.</param>
    /// <param name="scale">How many pixels of the file, across and down, show one pixel of an image. Default 1.</param>
    /// <param name="frameTime">How long each frame is shown, 1 ms to 4 hours. Default null: <see cref="DefaultFrameTime"/>.</param>
    /// <param name="lastFrameTime">How long the last is shown. Default null: <see cref="DefaultLastFrameTime"/>.</param>
    /// <exception cref="ArgumentException">There is no frame, the frames have several shapes, or a grid is not possible.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A time is outside its range.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Save(IReadOnlyList<Tensor> frames, string path, int? columns = null, int padding = 2, int scale = 1,
        TimeSpan? frameTime = null, TimeSpan? lastFrameTime = null)
    {
        ArgumentNullException.ThrowIfNull(frames);
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        TimeSpan each = Checked(frameTime ?? DefaultFrameTime, nameof(frameTime));
        TimeSpan last = Checked(lastFrameTime ?? DefaultLastFrameTime, nameof(lastFrameTime));
        if (frames.Count == 0)
        {
            throw new ArgumentException("A film needs at least one frame, but there is none.", nameof(frames));
        }

        if (frames.FirstOrDefault(frame => !frame.shape.AsSpan().SequenceEqual(frames[0].shape)) is { } other)
        {
            throw new ArgumentException(
                $"A frame has the shape {Guard.Text(other)}, but the first has {Guard.Text(frames[0])}. All frames must have one shape.",
                nameof(frames));
        }

        DecodedImage[] grids = [.. frames.Select(frame => ImageGrid.Arrange(frame, columns, padding, scale))];
        TimeSpan[] durations = [.. Enumerable.Repeat(each, grids.Length - 1), last];
        AtomicFile.WriteWithFolder(path, AnimatedWebP.Encode(grids, durations));
    }

    private static TimeSpan Checked(TimeSpan time, string name) => time.TotalMilliseconds is >= 1 and <= 0xFFFFFF
        ? time
        : throw new ArgumentOutOfRangeException(name, time, "A frame must be shown for 1 millisecond to 4 hours. Use 100 milliseconds.");
}
