using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>Many images side by side in one picture, to be looked at.</summary>
public static class ImageGrid
{
    private const int BytesPerPixel = 4; // while it is being encoded

    /// <summary>Writes the picture of <see cref="Arrange"/> to a file.</summary>
    /// <param name="images"><inheritdoc cref="Arrange" path="/param[@name='images']"/></param>
    /// <param name="path">
    /// The file to write: .png, .jpg, .jpeg or .webp. Its folder is created if it is missing, and an existing file is replaced.
    /// </param>
    /// <param name="columns"><inheritdoc cref="Arrange" path="/param[@name='columns']"/></param>
    /// <param name="padding"><inheritdoc cref="Arrange" path="/param[@name='padding']"/></param>
    /// <param name="scale"><inheritdoc cref="Arrange" path="/param[@name='scale']"/></param>
    /// <param name="format">The format. Default null: that of the extension, see <see cref="ImageFormat.OfPath"/>.</param>
    /// <inheritdoc cref="Arrange" path="/exception"/>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Save(
        Tensor images, string path, int? columns = null, int padding = 2, int scale = 1, ImageFormat? format = null) =>
        ImageCodec.Save(Arrange(images, columns, padding, scale), path, format);

    /// <summary>Encodes the picture of <see cref="Arrange"/>.</summary>
    /// <param name="images"><inheritdoc cref="Arrange" path="/param[@name='images']"/></param>
    /// <param name="format">The format. Default null: PNG.</param>
    /// <param name="columns"><inheritdoc cref="Arrange" path="/param[@name='columns']"/></param>
    /// <param name="padding"><inheritdoc cref="Arrange" path="/param[@name='padding']"/></param>
    /// <param name="scale"><inheritdoc cref="Arrange" path="/param[@name='scale']"/></param>
    /// <returns>The content of an image file.</returns>
    /// <inheritdoc cref="Arrange" path="/exception"/>
    public static byte[] Encode(Tensor images, ImageFormat? format = null, int? columns = null, int padding = 2, int scale = 1) =>
        ImageCodec.Encode(Arrange(images, columns, padding, scale), format);

    /// <summary>
    /// Puts images row by row into one picture, with white lines between and around them. <see cref="ImageCodec"/> encodes it, or writes it
    /// to a stream or a file.
    /// </summary>
    /// <param name="images">
    /// Floating point <c>[N, C, H, W]</c> in [-1, 1], C 1 (gray) or 3 (RGB), on any device; values outside are clamped.
    /// </param>
    /// <param name="columns">Images in a row; default the smallest whole number whose square is at least N.</param>
    /// <param name="padding">The width of the lines in pixels of the picture, 0 or more. Default 2.</param>
    /// <param name="scale">How many pixels of the picture, across and down, show one pixel of an image. Default 1.</param>
    /// <returns>The picture.</returns>
    /// <exception cref="ArgumentException">
    /// The images are none, of a wrong kind or shape, or not finite; or the picture would take more than 2 GiB of memory.
    /// </exception>
    public static DecodedImage Arrange(Tensor images, int? columns = null, int padding = 2, int scale = 1)
    {
        Guard.Images(images, nameof(images));
        ArgumentOutOfRangeException.ThrowIfNegative(padding);
        ArgumentOutOfRangeException.ThrowIfLessThan(scale, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(columns ?? 1, 1, nameof(columns));
        if (images.numel() == 0 || images.shape[1] is not (1 or 3))
        {
            throw new ArgumentException(
                $"Images have the shape {Guard.Text(images)}, but a grid needs at least one image of 1 or 3 channels, [N, C, H, W].",
                    nameof(images));
        }

        int count = (int)images.shape[0];
        int across = Math.Min(count, columns ?? (int)Math.Ceiling(Math.Sqrt(count)));
        int down = ((count - 1) / across) + 1;
        double wide = padding + (across * (((double)images.shape[3] * scale) + padding));
        double high = padding + (down * (((double)images.shape[2] * scale) + padding));
        if (wide * high * BytesPerPixel > Array.MaxLength)
        {
            throw new ArgumentException(
                $"A grid of {count} images in {across} columns, at scale {scale} with padding {padding}, would have {wide} x {high} "
                    + $"pixels, but "
                + $"must have at most {Array.MaxLength / BytesPerPixel}. Use a smaller scale or padding, or fewer images.",
                nameof(images));
        }

        using DisposeScope scope = NewDisposeScope();
        Tensor bytes = PixelRange.ToBytes(images)
            .repeat_interleave(scale, 1).repeat_interleave(scale, 2).cpu(); // [N, H * scale, W * scale, C]
        int cellHeight = (int)bytes.shape[1];
        int cellWidth = (int)bytes.shape[2];
        int channels = (int)bytes.shape[3];
        int width = (int)wide;
        int height = (int)high;

        byte[] grid = new byte[width * height * channels];
        Array.Fill(grid, (byte)255);
        ReadOnlySpan<byte> cells = bytes.bytes;
        int rowBytes = cellWidth * channels;
        for (int row = 0; row < count * cellHeight; row++)
        {
            (int image, int y) = Math.DivRem(row, cellHeight);
            int top = padding + (image / across * (cellHeight + padding)) + y;
            int left = padding + (image % across * (cellWidth + padding));
            cells.Slice(row * rowBytes, rowBytes).CopyTo(grid.AsSpan(((top * width) + left) * channels));
        }

        return new DecodedImage(width, height, channels, grid);
    }
}
