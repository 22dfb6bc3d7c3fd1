namespace Diffusion.Data;

/// <summary>Recognizes image formats by the extensions of files.</summary>
internal static class ImageNames
{
    /// <summary>The extensions of formats that can be decoded.</summary>
    public static readonly string[] Supported =
        [".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".jfi", ".pjpeg", ".pjp", ".webp", ".gif", ".bmp", ".dib"];

    private static readonly HashSet<string> SupportedSet = new(Supported, StringComparer.OrdinalIgnoreCase);

    private static readonly HashSet<string> Unsupported = new(StringComparer.OrdinalIgnoreCase)
    {
        ".heic", ".heif", ".hif", ".avif", ".avifs", ".jxl", ".jp2", ".j2k", ".j2c", ".jpf", ".jpx", ".jpm", ".jxr", ".wdp", ".hdp",
        ".tif", ".tiff", ".svg", ".svgz", ".ico", ".cur", ".icns", ".psd", ".psb", ".xcf", ".tga", ".dds", ".exr", ".hdr", ".pcx", ".qoi",
        ".ppm", ".pgm", ".pbm", ".pnm", ".pam", ".pfm", ".wbmp", ".mpo", ".eps",
        ".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".srf", ".sr2", ".orf", ".rw2", ".raf", ".pef", ".srw", ".x3f", ".rwl",
    };

    /// <summary>Whether a file has the extension of an image that can be decoded.</summary>
    public static bool IsSupported(string name) => SupportedSet.Contains(Path.GetExtension(name));

    /// <summary>Whether a file has the extension of an image that cannot be decoded.</summary>
    public static bool IsUnsupported(string name) => Unsupported.Contains(Path.GetExtension(name));
}
