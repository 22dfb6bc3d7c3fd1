using Diffusion.Data.Tests;
using Diffusion.TestKit;

namespace Diffusion.Core.Tests.Images;

/// <summary>
/// The same pixels as ImageMagick decodes. Lossless files of 8 bits or fewer: composed on any background, exactly what its RGBA gives by
/// ImageDecoding's rule, so that every color that can be seen and every alpha is equal. 16 bits and lossy files: within a stated
/// difference.
/// </summary>
public sealed class ReferenceDecoderTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Thousands_of_pngs_with_palettes_and_alpha_are_equal()
    {
        string[] files = Directory.GetFiles(TestData.Folder("dcss-tiles", "images"), "*.png", SearchOption.AllDirectories);
        ImageMagick.SkipIfMissing();
        foreach (string[] some in files.Chunk(1000))
        {
            Difference(some).Should().Be(0);
        }
    }

    [Theory]
    [InlineData(4, HandmadePng.Palette, "-alpha off -type Palette -colors 16")]
    [InlineData(2, HandmadePng.Palette, "-alpha off -type Palette -colors 2")]
    [InlineData(8, HandmadePng.Palette, "-channel A -threshold 40% +channel -colors 50 -define png:format=png8")]
    [InlineData(8, HandmadePng.Gray, "-alpha off -colorspace Gray")]
    [InlineData(4, HandmadePng.Gray, "-alpha off -colorspace Gray -depth 4")]
    [InlineData(2, HandmadePng.Gray, "-alpha off -colorspace Gray -posterize 4 -depth 2")]
    [InlineData(1, HandmadePng.Gray, "-alpha off -colorspace Gray -depth 1")]
    [InlineData(8, HandmadePng.GrayAlpha, "-colorspace Gray -define png:color-type=4")]
    [InlineData(8, HandmadePng.Rgb, "-alpha off -define png:color-type=2")]
    [InlineData(8, HandmadePng.Rgba, "")]
    [InlineData(8, HandmadePng.Rgba, "-interlace PNG")]
    public void Every_kind_of_png_is_equal(byte bits, byte colorType, string options)
    {
        string path = Kind("kind.png", options);
        File.ReadAllBytes(path)[24..26].Should().Equal(bits, colorType);
        Difference(path).Should().Be(0);
    }

    [Fact]
    public void One_bit_palettes_and_a_color_that_is_transparent_are_equal()
    {
        ImageMagick.SkipIfMissing();
        string keyed = folder.File("keyed.png");
        File.WriteAllBytes(keyed,
            HandmadePng.Write(3, 1, 8, HandmadePng.Rgb, [[1, 2, 3, 9, 8, 7, 1, 2, 4]], transparency: [0, 9, 0, 8, 0, 7]));
        Difference(keyed).Should().Be(0);
        ImageCodec.Decode(keyed).Pixels.Should().Equal(1, 2, 3, 255, 255, 255, 1, 2, 4);

        string palette = folder.File("palette.png");
        File.WriteAllBytes(palette,
            HandmadePng.Write(11, 1, 1, HandmadePng.Palette, [[0b1010_0111, 0b0110_0000]], [10, 20, 30, 40, 50, 60], [255, 77]));
        Difference(palette).Should().Be(0);
    }

    [Fact]
    public void Sixteen_bits_are_equal_to_the_nearest_of_eight()
    {
        Difference(Kind("deep.png", "-alpha off -depth 16 -blur 0x2 -define png:format=png48")).Should().BeLessThanOrEqualTo(1);
        Difference(Kind("gray.png", "-alpha off -colorspace Gray -depth 16 -blur 0x2 -define png:bit-depth=16")).Should()
            .BeLessThanOrEqualTo(1);
    }

    [Fact]
    public void The_first_frame_of_an_animation_is_equal()
    {
        string source = Source();
        string path = folder.File("animated.gif");
        ImageMagick.Run(source, "-colors", "30", "(", "+clone", "-negate", ")", "-loop", "0", path);
        Difference(path).Should().Be(0);
    }

    [Fact]
    public void Lossy_webp_with_and_without_alpha_is_near()
    {
        Difference(Kind("opaque.webp", "-alpha off -quality 90")).Should().BeLessThanOrEqualTo(1);
        Difference(Kind("alpha.webp", "-quality 90")).Should().BeLessThanOrEqualTo(1);
    }

    [Fact]
    public void Lossless_webp_with_and_without_alpha_is_equal()
    {
        Difference(Kind("opaque.webp", "-alpha off -define webp:lossless=true")).Should().Be(0);
        Difference(Kind("alpha.webp", "-define webp:lossless=true -define webp:exact=true")).Should().Be(0);
    }

    [Theory]
    [InlineData("TopLeft")]
    [InlineData("TopRight")]
    [InlineData("BottomRight")]
    [InlineData("BottomLeft")]
    [InlineData("LeftTop")]
    [InlineData("RightTop")]
    [InlineData("RightBottom")]
    [InlineData("LeftBottom")]
    public void Every_orientation_is_turned_alike(string orientation)
    {
        ImageMagick.SkipIfMissing();
        int value = 1 + Array.IndexOf(["TopLeft", "TopRight", "BottomRight", "BottomLeft", "LeftTop", "RightTop", "RightBottom",
            "LeftBottom"], orientation);
        byte[] jpeg = JpegFiles.Read("ycbcr-444");
        byte[] exif =
        [
            0xFF, 0xE1, 0, 34, .. "Exif"u8, 0, 0, .. "II"u8, 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 0x01, 3, 0, 1, 0, 0, 0, (byte)value, 0, 0, 0, 0,
                0, 0, 0,
        ];
        string path = folder.File("turned.jpg");
        File.WriteAllBytes(path, [.. jpeg[..2], .. exif, .. jpeg[2..]]);
        DecodedImage image = ImageCodec.Decode(path);
        byte[] expected = ImageMagick.Run(path, "-auto-orient", "-depth", "8", "rgb:-");
        image.Pixels.Should().HaveSameCount(expected);
        image.Pixels.Zip(expected, (a, b) => Math.Abs(a - b)).Max().Should().BeLessThanOrEqualTo(1);
    }

    private string Source()
    {
        ImageMagick.SkipIfMissing();
        string path = folder.File("source.png");
        if (!File.Exists(path))
        {
            ImageMagick.Run("-size", "53x37", "gradient:red-blue", "-swirl", "200", "(", "-size", "53x37", "radial-gradient:white-black",
                ")",
                "-alpha", "off", "-compose", "CopyOpacity", "-composite", "-depth", "8", "-strip", path);
        }

        return path;
    }

    // One file made from the source by ImageMagick's own options.
    private string Kind(string name, string options)
    {
        string path = folder.File(name);
        ImageMagick.Run([Source(), .. options.Split(' ', StringSplitOptions.RemoveEmptyEntries), path]);
        return path;
    }

    // The largest difference over both backgrounds, all pixels and all files.
    private static int Difference(params string[] files)
    {
        byte[] reference = ImageMagick.Rgba(files);
        int largest = 0;
        int start = 0;
        foreach (string file in files)
        {
            DecodedImage white = ImageCodec.Decode(file);
            DecodedImage black = ImageCodec.Decode(file, new ImageDecoding { Background = RgbColor.Black });
            int pixels = white.Width * white.Height;
            for (int i = 0; i < pixels; i++)
            {
                ReadOnlySpan<byte> rgba = reference.AsSpan(start + (4 * i), 4);
                for (int c = 0; c < 3; c++)
                {
                    int onBlack = ((rgba[c] * rgba[3]) + 127) / 255;
                    int onWhite = ((rgba[c] * rgba[3]) + (255 * (255 - rgba[3])) + 127) / 255;
                    largest = Math.Max(largest,
                        Math.Max(Math.Abs(onBlack - black.Pixels[(3 * i) + c]), Math.Abs(onWhite - white.Pixels[(3 * i) + c])));
                }
            }

            start += 4 * pixels;
        }

        start.Should().Be(reference.Length);
        return largest;
    }
}
