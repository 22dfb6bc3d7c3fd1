using System.Runtime.InteropServices;

namespace Diffusion;

/// <summary>
/// Decodes complete JPEG files, gray or YCbCr, that libturbojpeg decodes without an error or a warning. Skia decides about the others, so
/// that the library does not change which files are refused. For one thread at a time.
/// </summary>
internal sealed unsafe class TurboJpegDecoder : SafeHandle
{
    /// <summary>Creates a decoder; the library must be available.</summary>
    public TurboJpegDecoder()
        : base(invalidHandleValue: 0, ownsHandle: true) => SetHandle(TurboJpeg.Create());

    public override bool IsInvalid => handle == 0;

    /// <summary>The bytes of a decoded pixel: 1 or 3; 0 if this decoder does not support the file.</summary>
    public int ChannelsOf(byte* file, int length, EncodedImage header)
    {
        bool read = TurboJpeg.TryReadHeader(handle, file, length, out int width, out int height, out TurboJpeg.ColorSpace colors);
        return !read || width != header.Width || height != header.Height ? 0 : colors switch
        {
            TurboJpeg.ColorSpace.YCbCr => 3,
            TurboJpeg.ColorSpace.Gray => 1,
            _ => 0,
        };
    }

    /// <summary>Decodes to <c>[H, W, C]</c>; false after any error or warning, when the output is incomplete.</summary>
    public bool TryDecode(byte* file, int length, int width, int height, int channels, Span<byte> pixels)
    {
        TurboJpeg.PixelFormat format = channels == 1 ? TurboJpeg.PixelFormat.Gray : TurboJpeg.PixelFormat.Rgb;
        fixed (byte* first = pixels)
        {
            return TurboJpeg.TryDecode(handle, file, length, first, width, height, format);
        }
    }

    protected override bool ReleaseHandle()
    {
        TurboJpeg.Free(handle);
        return true;
    }
}
