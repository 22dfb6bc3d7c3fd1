using System.Runtime.InteropServices;

namespace Diffusion;

/// <summary>
/// Decodes the JPEG files that libturbojpeg decodes without an error or a warning: grey or YCbCr, and whole. What it declines is for Skia
/// to judge: no file is refused because this library is there. For one thread at a time.
/// </summary>
internal sealed unsafe class TurboJpegDecoder : SafeHandle
{
    /// <summary>Takes a decoder from the library, which must be available.</summary>
    public TurboJpegDecoder()
        : base(invalidHandleValue: 0, ownsHandle: true) => SetHandle(TurboJpeg.Create());

    public override bool IsInvalid => handle == 0;

    /// <summary>The bytes of a pixel as this decoder gives it: 1 or 3; 0 when the file is not for it.</summary>
    public int ChannelsOf(byte* file, int length, EncodedImage header)
    {
        bool read = TurboJpeg.TryReadHeader(handle, file, length, out int width, out int height, out TurboJpeg.ColorSpace colours);
        return !read || width != header.Width || height != header.Height ? 0 : colours switch
        {
            TurboJpeg.ColorSpace.YCbCr => 3,
            TurboJpeg.ColorSpace.Grey => 1,
            _ => 0,
        };
    }

    /// <summary>Decodes to <c>[H, W, C]</c>; false at the slightest doubt, with whatever was decoded until then.</summary>
    public bool TryDecode(byte* file, int length, int width, int height, int channels, Span<byte> pixels)
    {
        TurboJpeg.PixelFormat format = channels == 1 ? TurboJpeg.PixelFormat.Grey : TurboJpeg.PixelFormat.Rgb;
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
