namespace Diffusion;

/// <summary>
/// Reads JPEG, PNG, WebP, GIF (its first frame) and BMP; writes PNG, JPEG and WebP. Several threads can use it at the same time.
/// </summary>
/// <remarks>
/// The EXIF orientation is applied, and transparency is composed on a background. Color profiles are ignored: a pixel keeps
/// the numbers that the file holds.
/// </remarks>
public static class ImageCodec
{
    private const int HeaderBytes = 64 * 1024;
    private const int MaxStreamedBytes = 1 << 30;
    private const int PieceBytes = 80 * 1024;

    /// <summary>
    /// The decoder of most JPEG files: <c>libturbojpeg</c>, two to three times faster, if the machine has this library, version 2 or
    /// later (<c>apt-get install libturbojpeg0</c> on Debian, <c>libturbojpeg</c> on Ubuntu), else <c>SkiaSharp</c>. Both give the same
    /// pixels for every undamaged file, and refuse every truncated file.
    /// </summary>
    public static string JpegCodec => TurboJpeg.IsAvailable ? "libturbojpeg" : "SkiaSharp";

    /// <summary>The size of an image after its orientation is applied. Of a JPEG usually only the first bytes are read.</summary>
    /// <param name="path">The image file.</param>
    /// <param name="pixelLimit">The maximum number of pixels.</param>
    /// <exception cref="ImageDataException">The file is empty, is not an image, ends within its header, or is over the limit.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read, or is a folder.</exception>
    public static unsafe (int Width, int Height) ReadSize(string path, long pixelLimit = ImageDecoding.DefaultPixelLimit)
    {
        using FileStream file = Open(path);
        byte[] header = new byte[Math.Min(HeaderBytes, file.Length)];
        file.ReadExactly(header);
        file.Position = 0;

        // A JPEG stores its orientation before its pixels; other formats may store it after them.
        if (header.AsSpan().StartsWith((ReadOnlySpan<byte>)[0xFF, 0xD8]))
        {
            fixed (byte* bytes = header)
            {
                using EncodedImage? early = EncodedImage.TryOpen(bytes, header.Length);
                if (early is not null)
                {
                    return early.SizeWithin(pixelLimit, path);
                }
            }
        }

        byte[] whole = ReadWhole(file, path);
        fixed (byte* bytes = whole)
        {
            using EncodedImage image = EncodedImage.Open(bytes, whole.Length, path);
            return image.SizeWithin(pixelLimit, path);
        }
    }

    /// <summary>Decodes an image file to RGB on white, the defaults of <see cref="ImageDecoding"/>.</summary>
    /// <param name="path">The image file.</param>
    /// <exception cref="ImageDataException">
    /// The file is empty, is not an image, is truncated or damaged, or has over 64 megapixels.
    /// </exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read, or is a folder.</exception>
    public static DecodedImage Decode(string path) => Decode(path, new ImageDecoding());

    /// <summary>Decodes an image file.</summary>
    /// <param name="path">The image file.</param>
    /// <param name="decoding">Channels, background and limit.</param>
    /// <exception cref="ImageDataException">
    /// The file is empty, is not an image, is truncated or damaged, or is over the pixel limit.
    /// </exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read, or is a folder.</exception>
    public static DecodedImage Decode(string path, ImageDecoding decoding)
    {
        using FileStream file = Open(path);
        return Decode(file, path, decoding);
    }

    /// <summary>Decodes an image from a stream, from its position to its end.</summary>
    /// <param name="stream">The encoded image, of at most 1 GiB if it cannot seek; it stays open.</param>
    /// <param name="name">The name that errors use for it.</param>
    /// <param name="decoding">Channels, background and limit.</param>
    /// <exception cref="ImageDataException">
    /// The stream is empty, is not an image, is truncated or damaged, or is over the pixel limit.
    /// </exception>
    public static DecodedImage Decode(Stream stream, string name, ImageDecoding decoding)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(decoding);
        using ImageDecoder decoder = new(decoding);
        return decoder.Decode(ReadWhole(stream, name), name).ToImage();
    }

    /// <summary>Encodes an image.</summary>
    /// <param name="image">Gray or RGB. <see cref="DecodedImage.FromTensor"/> makes one of a sample.</param>
    /// <param name="format">The format. Default null: PNG.</param>
    /// <returns>The content of an image file.</returns>
    /// <exception cref="ArgumentException">The image is too large for the format.</exception>
    public static byte[] Encode(DecodedImage image, ImageFormat? format = null)
    {
        ArgumentNullException.ThrowIfNull(image);
        return (format ?? ImageFormat.Png).Encode(image);
    }

    /// <summary>Encodes an image and writes it to a stream.</summary>
    /// <param name="image">Gray or RGB.</param>
    /// <param name="stream">The stream, which stays open. Nothing is written if the encoding fails.</param>
    /// <param name="format">The format. Default null: PNG.</param>
    /// <exception cref="ArgumentException">The image is too large for the format.</exception>
    /// <exception cref="IOException">The stream cannot be written.</exception>
    public static void Write(DecodedImage image, Stream stream, ImageFormat? format = null)
    {
        ArgumentNullException.ThrowIfNull(stream);
        stream.Write(Encode(image, format));
    }

    /// <summary>
    /// Writes an image file, and creates its folder if that is missing. The file appears whole or not at all; an existing one is replaced.
    /// </summary>
    /// <param name="image">Gray or RGB.</param>
    /// <param name="path">The file to write.</param>
    /// <param name="format">The format. Default null: that of the extension, see <see cref="ImageFormat.OfPath"/>.</param>
    /// <exception cref="ArgumentException">The extension is unknown, or the image is too large for the format.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Save(DecodedImage image, string path, ImageFormat? format = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        AtomicFile.WriteWithFolder(path, Encode(image, format ?? ImageFormat.OfPath(path)));
    }

    private static FileStream Open(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1);
    }

    // The codec reads from memory: a stream's exception must not pass through native frames.
    private static byte[] ReadWhole(Stream stream, string name)
    {
        if (!stream.CanSeek)
        {
            using MemoryStream whole = new();
            byte[] piece = new byte[PieceBytes];
            while (stream.Read(piece) is > 0 and int read)
            {
                if (whole.Length + read > MaxStreamedBytes)
                {
                    throw new ImageDataException(name, "the stream has more than 1 GiB, too much for one image.");
                }

                whole.Write(piece, 0, read);
            }

            return whole.ToArray();
        }

        long length = stream.Length - stream.Position;
        if (length > Array.MaxLength)
        {
            throw new ImageDataException(name, $"it has {length} bytes, more than 2 GiB, too much for one image.");
        }

        byte[] bytes = new byte[length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
