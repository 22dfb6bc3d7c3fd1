namespace Diffusion.Core.Tests.Images;

/// <summary>
/// Small JPEG files of every kind, 67 x 45 pixels if not said otherwise, written by libjpeg-turbo's cjpeg and by ImageMagick (CMYK).
/// </summary>
internal static class JpegFiles
{
    /// <summary>Gray and YCbCr: what libturbojpeg decodes here.</summary>
    public static TheoryData<string> Plain =>
    [
        "ycbcr-444", "ycbcr-422", "ycbcr-420", "ycbcr-440", "ycbcr-411", "progressive-420", "progressive-restart-444", "restart-420",
            "gray",
        "one-pixel-420", "one-row-420",
    ];

    /// <summary>Coded in RGB or CMYK, which is left to Skia, or by arithmetic coding, which a libturbojpeg may lack.</summary>
    public static TheoryData<string> Others => ["rgb", "cmyk", "arithmetic"];

    public static byte[] Read(string name) => File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Fixtures", "jpeg", name + ".jpg"));

    /// <summary>All of them.</summary>
    public static string[] Names => [.. Plain.Concat(Others).Select(row => row.Data)];
}
