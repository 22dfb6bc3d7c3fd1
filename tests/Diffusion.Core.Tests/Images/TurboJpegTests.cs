using Diffusion.Data.Tests;

namespace Diffusion.Core.Tests.Images;

public sealed class TurboJpegTests
{
    private static readonly ImageDecoding Color = new();

    public TurboJpegTests() =>
        Assert.SkipUnless(ImageCodec.JpegCodec == "libturbojpeg", "libturbojpeg is not installed here: apt-get install libturbojpeg0.");

    public static TheoryData<string, int, int> EveryKindAtEveryScale =>
        [.. from name in JpegFiles.Plain from channels in (int[])[1, 3] from scale in (int[])[1, 2, 4, 8] select (name.Data, channels,
            45 / scale)];

    [Theory]
    [MemberData(nameof(EveryKindAtEveryScale))]
    public void Both_decoders_give_the_same_pixels(string name, int channels, int minSide)
    {
        ImageDecoding decoding = new() { Channels = channels };
        using ImageDecoder turbo = new(decoding, turboJpeg: true);
        using ImageDecoder skia = new(decoding, turboJpeg: false);
        DecodedImage a = turbo.Decode(JpegFiles.Read(name), name, (_, _) => minSide).ToImage();
        DecodedImage b = skia.Decode(JpegFiles.Read(name), name, (_, _) => minSide).ToImage();

        (turbo.UsedTurboJpeg, skia.UsedTurboJpeg).Should().Be((true, false));
        (a.Width, a.Height, a.Channels).Should().Be((b.Width, b.Height, b.Channels));
        a.Pixels.Should().Equal(b.Pixels);
    }

    [Fact]
    public void Both_decoders_give_the_same_pixels_of_photographs()
    {
        string[] files = [.. Directory.GetFiles(TestData.Folder("sign-digits", "images"), "*", SearchOption.AllDirectories)
            .Order(StringComparer.Ordinal)];
        using ImageDecoder turbo = new(Color, turboJpeg: true);
        using ImageDecoder skia = new(Color, turboJpeg: false);
        foreach (string path in files)
        {
            byte[] file = File.ReadAllBytes(path);
            ImagePixels a = turbo.Decode(file, path);
            ImagePixels b = skia.Decode(file, path);
            turbo.UsedTurboJpeg.Should().BeTrue(path);
            (a.Width, a.Height).Should().Be((b.Width, b.Height));
            a.Bytes.SequenceEqual(b.Bytes).Should().BeTrue(path);
        }
    }

    [Theory]
    [InlineData("rgb")]
    [InlineData("cmyk")]
    public void Other_ways_to_code_color_are_left_to_skia(string name)
    {
        using ImageDecoder turbo = new(Color, turboJpeg: true);
        using ImageDecoder skia = new(Color, turboJpeg: false);
        turbo.Decode(JpegFiles.Read(name), name).Bytes.SequenceEqual(skia.Decode(JpegFiles.Read(name), name).Bytes).Should().BeTrue();
        turbo.UsedTurboJpeg.Should().BeFalse();
    }

    [Fact]
    public void What_libturbojpeg_doubts_is_for_skia_to_judge()
    {
        using ImageDecoder turbo = new(Color, turboJpeg: true);
        using ImageDecoder skia = new(Color, turboJpeg: false);
        SeedStream seeds = new(5);
        int accepted = 0;
        int refused = 0;
        for (int i = 0; i < 2000; i++)
        {
            byte[] file = JpegFiles.Read(JpegFiles.Names[i % JpegFiles.Names.Length]);
            file[(int)(seeds.Uniform(RandomPurpose.Drawing, i) * file.Length)] ^= (byte)(1 << (i % 8));
            byte[]? pixels = DecodedOrNull(turbo, file);
            if (pixels is null || !turbo.UsedTurboJpeg)
            {
                byte[]? expected = DecodedOrNull(skia, file);
                (pixels is null).Should().Be(expected is null, "flip {0} is Skia's to judge", i);
                (pixels ?? []).Should().Equal(expected ?? []);
                accepted += pixels is null ? 0 : 1;
                refused += pixels is null ? 1 : 0;
            }
        }

        accepted.Should().BePositive();
        refused.Should().BePositive();
    }

    private static byte[]? DecodedOrNull(ImageDecoder decoder, byte[] file)
    {
        try
        {
            return decoder.Decode(file, "flipped").Bytes.ToArray();
        }
        catch (ImageDataException)
        {
            return null;
        }
    }
}
