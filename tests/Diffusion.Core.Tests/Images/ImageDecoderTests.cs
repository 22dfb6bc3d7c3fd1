using SkiaSharp;

namespace Diffusion.Core.Tests.Images;

public sealed class ImageDecoderTests
{
    /// <summary>With libturbojpeg, where it is installed, and without.</summary>
    public static TheoryData<bool> Codecs => ImageCodec.JpegCodec == "libturbojpeg" ? [true, false] : [false];

    [Theory]
    [MemberData(nameof(Codecs))]
    public void A_decoder_that_is_used_again_gives_what_a_new_one_gives(bool turboJpeg)
    {
        byte[][] files = [Png(40, 30), JpegFiles.Read("ycbcr-420"), JpegFiles.Read("one-pixel-420"), Png(3, 5), JpegFiles.Read("gray"),
            JpegFiles.Read("cmyk")];
        using ImageDecoder kept = new(new ImageDecoding(), turboJpeg);
        foreach (byte[] file in files.Concat(files.Reverse()))
        {
            using ImageDecoder fresh = new(new ImageDecoding(), turboJpeg);
            ImagePixels expected = fresh.Decode(file, "file");
            ImagePixels actual = kept.Decode(file, "file");
            (actual.Width, actual.Height, actual.Channels).Should().Be((expected.Width, expected.Height, 3));
            actual.Bytes.SequenceEqual(expected.Bytes).Should().BeTrue();
        }
    }

    [Theory]
    [MemberData(nameof(Codecs))]
    public void A_refused_file_does_not_spoil_the_next(bool turboJpeg)
    {
        byte[] file = JpegFiles.Read("progressive-420");
        using ImageDecoder decoder = new(new ImageDecoding(), turboJpeg);
        byte[] expected = decoder.Decode(file, "whole").Bytes.ToArray();
        Refuses(decoder, file[..(file.Length / 2)]);
        Refuses(decoder, []);
        decoder.Decode(file, "whole").Bytes.SequenceEqual(expected).Should().BeTrue();
    }

    [Theory]
    [MemberData(nameof(Codecs))]
    public void Decoding_leaves_hardly_any_garbage(bool turboJpeg)
    {
        using ImageDecoder decoder = new(new ImageDecoding(), turboJpeg);
        foreach (byte[] file in (byte[][])[JpegFiles.Read("ycbcr-420"), JpegFiles.Read("rgb"), Png(32, 32), Png(256, 256)])
        {
            const int Images = 100;
            decoder.Decode(file, "warm");
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < Images; i++)
            {
                decoder.Decode(file, "file");
            }

            ((GC.GetAllocatedBytesForCurrentThread() - before) / Images).Should().BeLessThan(1000);
        }
    }

    [Fact]
    public void The_memory_of_a_very_large_image_is_let_go()
    {
        using ImageDecoder decoder = new(new ImageDecoding { Channels = 1 });
        decoder.Decode(HandmadePng.Write(8200, 8100, 1, HandmadePng.Gray, [.. Enumerable.Repeat(new byte[1025], 8100)]),
            "large").Width.Should().Be(8200);
        decoder.HeldBytes.Should().Be(8200 * 8100, "only the pixels that the caller looks at are still held");
        decoder.Decode(Png(20, 20), "small");
        decoder.HeldBytes.Should().BeLessThan(10_000);
    }

    [Fact]
    public void Decoders_of_several_threads_do_not_disturb_each_other()
    {
        byte[][] files = [Png(64, 64), .. JpegFiles.Names.Select(JpegFiles.Read)];
        byte[][] expected = [.. files.Select(file => Decoded(file))];
        Parallel.For(0, 8, worker =>
        {
            using ImageDecoder decoder = new(new ImageDecoding());
            for (int i = 0; i < 200; i++)
            {
                int file = (i + worker) % files.Length;
                decoder.Decode(files[file], "file").Bytes.SequenceEqual(expected[file]).Should().BeTrue();
            }
        });
    }

    [Theory]
    [InlineData(1024, 1024)]
    [InlineData(513, 1024)]
    [InlineData(512, 512)]
    [InlineData(257, 512)]
    [InlineData(256, 256)]
    [InlineData(129, 256)]
    [InlineData(128, 128)]
    [InlineData(1, 128)]
    public void A_jpeg_is_decoded_at_the_smallest_part_of_its_size_that_is_large_enough(int minSide, int expected)
    {
        using ImageDecoder decoder = new(new ImageDecoding());
        decoder.Decode(Encode(1024, 2001, SKEncodedImageFormat.Jpeg), "jpeg", (_, _) => minSide).Width.Should().Be(expected);
        decoder.Decode(Encode(2001, 1024, SKEncodedImageFormat.Jpeg), "jpeg", (_, _) => minSide).Height.Should().Be(expected);
        decoder.Decode(Encode(100, 200, SKEncodedImageFormat.Png), "png", (_, _) => minSide).Width.Should().Be(100);
        decoder.Decode(Encode(100, 200, SKEncodedImageFormat.Webp), "webp", (_, _) => minSide).Width.Should().Be(100);
    }

    [Fact]
    public void A_disposed_decoder_says_so()
    {
        ImageDecoder decoder = new(new ImageDecoding());
        decoder.Dispose();
        decoder.Dispose();
        ((Action)(() => decoder.Decode(Png(2, 2), "file"))).Should().Throw<ObjectDisposedException>();
    }

    [Fact]
    public void Pixels_that_do_not_fit_their_size_are_refused()
    {
        ((Action)(() => _ = new ImagePixels(2, 2, 3, new byte[11]))).Should().Throw<ArgumentException>().WithMessage("*12 bytes, but 11*");
        ((Action)(() => _ = new ImageDecoder(new ImageDecoding { Channels = 4 }))).Should().Throw<ArgumentOutOfRangeException>();
    }

    private static void Refuses(ImageDecoder decoder, byte[] file) =>
        ((Action)(() => decoder.Decode(file, "file"))).Should().Throw<ImageDataException>();

    private static byte[] Decoded(byte[] file)
    {
        using ImageDecoder decoder = new(new ImageDecoding());
        return decoder.Decode(file, "file").Bytes.ToArray();
    }

    private static byte[] Png(int width, int height) => Encode(width, height, SKEncodedImageFormat.Png);

    private static byte[] Encode(int width, int height, SKEncodedImageFormat format)
    {
        using SKBitmap bitmap = new(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        bitmap.Erase(new SKColor(200, (byte)width, (byte)height));
        using SKData data = bitmap.Encode(format, 90);
        return data.ToArray();
    }
}
