using SkiaSharp;

namespace Diffusion.Core.Tests.Images;

public sealed class DamagedImageTests
{
    private static readonly ImageDecoding Small = new() { PixelLimit = 100_000 };

    public static TheoryData<string, bool> EveryJpeg =>
        [.. from name in JpegFiles.Names from turboJpeg in (bool[])[true, false] where !turboJpeg || HasTurboJpeg select (name, turboJpeg)];

    private static bool HasTurboJpeg => ImageCodec.JpegCodec == "libturbojpeg";

    [Theory]
    [MemberData(nameof(EveryJpeg))]
    public void A_jpeg_cut_anywhere_is_refused(string name, bool turboJpeg)
    {
        byte[] whole = JpegFiles.Read(name);
        using ImageDecoder decoder = new(Small, turboJpeg);

        // The last two bytes only say that this is the end: every pixel may be there without them.
        for (int length = 0; length < whole.Length - 2; length++)
        {
            Outcome(decoder, whole[..length]).Should().BeFalse("{0} of {1} bytes are there", length, whole.Length);
        }

        Outcome(decoder, whole).Should().BeTrue();
    }

    [Fact]
    public void A_png_cut_anywhere_before_its_last_pixel_is_refused()
    {
        byte[] whole = Sample(SKEncodedImageFormat.Png);
        using ImageDecoder decoder = new(Small);

        // The last 20 bytes hold no pixel: the checksums of the pixels, and the mark of the end.
        for (int length = 0; length < whole.Length - 20; length++)
        {
            Outcome(decoder, whole[..length]).Should().BeFalse("{0} of {1} bytes are there", length, whole.Length);
        }

        Outcome(decoder, whole).Should().BeTrue();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Ten_thousand_damaged_files_are_read_or_refused_and_nothing_else_happens(bool turboJpeg)
    {
        Assert.SkipUnless(HasTurboJpeg || !turboJpeg, "libturbojpeg is not installed here.");
        byte[][] files =
        [
            .. JpegFiles.Names.Select(JpegFiles.Read), Sample(SKEncodedImageFormat.Png), Sample(SKEncodedImageFormat.Webp),
            [
                .. "GIF89a"u8, 1, 0, 2, 0, 0x80, 0, 0, 255, 0, 0, 0, 0, 255,
                0x2C, 0, 0, 0, 0, 1, 0, 2, 0, 0, 2, 2, 0x44, 0x0A, 0, 0x3B,
            ],
            HandmadePng.Write(4, 1, 2, HandmadePng.Palette, [[0b00_01_10_11]], [10, 20, 30, 40, 50, 60, 70, 80, 90, 1, 2, 3], [255, 0]),
            [.. "BM"u8, 58, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 24, .. new byte[24], 10, 20, 30,
                0],
            new byte[200],
        ];
        using ImageDecoder decoder = new(Small, turboJpeg);
        int refused = 0;
        for (int i = 0; i < 10_000; i++)
        {
            refused += Outcome(decoder, Damage(files[i % files.Length], new SeedStream(i))) ? 0 : 1;
        }

        refused.Should().BeInRange(1000, 9999);
    }

    [Fact]
    public void A_size_that_lies_is_refused_before_memory_is_taken()
    {
        byte[] png = HandmadePng.Write(30_000, 30_000, 8, HandmadePng.Rgb, [.. Enumerable.Repeat(new byte[90_000], 3)]);
        using ImageDecoder decoder = new(new ImageDecoding());
        ((Action)(() => decoder.Decode(png, "huge.png"))).Should().Throw<ImageDataException>()
            .WithMessage("huge.png: the image has 30000 x 30000 pixels, more than the limit of 67108864.*");
        decoder.HeldBytes.Should().Be(0);
    }

    // One to four changes: a byte set, a byte doubled, a piece cut out, random bytes from some place on.
    private static byte[] Damage(byte[] file, SeedStream seeds)
    {
        List<byte> damaged = [.. file];
        int changes = 1 + Draw(seeds, 0, 4);
        for (int change = 1; change <= changes && damaged.Count > 1; change++)
        {
            SeedStream draws = seeds.Child(RandomPurpose.Drawing, change);
            int place = Draw(draws, 0, damaged.Count);
            switch (Draw(draws, 1, 4))
            {
                case 0:
                    damaged[place] = (byte)Draw(draws, 2, 256);
                    break;
                case 1:
                    damaged.Insert(place, damaged[place]);
                    break;
                case 2:
                    damaged.RemoveRange(place, Draw(draws, 2, Math.Min(damaged.Count - place, 40)));
                    break;
                default:
                    for (int i = place; i < Math.Min(damaged.Count, place + 8); i++)
                    {
                        damaged[i] = (byte)Draw(draws, i, 256);
                    }

                    break;
            }
        }

        return [.. damaged];
    }

    private static int Draw(SeedStream seeds, int index, int below) => (int)(seeds.Uniform(RandomPurpose.Drawing, index) * below);

    private static bool Outcome(ImageDecoder decoder, byte[] file)
    {
        try
        {
            ImagePixels image = decoder.Decode(file, "damaged");
            return image.Bytes.Length == image.Width * image.Height * 3;
        }
        catch (ImageDataException)
        {
            return false;
        }
    }

    private static byte[] Sample(SKEncodedImageFormat format)
    {
        using SKBitmap bitmap = new(new SKImageInfo(31, 22, SKColorType.Rgba8888, SKAlphaType.Unpremul));
        for (int i = 0; i < 31 * 22; i++)
        {
            bitmap.SetPixel(i % 31, i / 31, new SKColor((uint)new SeedStream(4).Derive(RandomPurpose.Drawing, i)));
        }

        using SKData data = bitmap.Encode(format, 90);
        return data.ToArray();
    }
}
