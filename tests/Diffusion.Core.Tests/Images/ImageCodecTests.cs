using System.Diagnostics.CodeAnalysis;
using Diffusion.TestKit;
using SkiaSharp;

namespace Diffusion.Core.Tests.Images;

public sealed class ImageCodecTests : IDisposable
{
    private static readonly ImageDecoding Gray = new() { Channels = 1 };
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void A_saved_png_reads_back_byte_for_byte(int channels)
    {
        DecodedImage image = Noise(37, 21, channels);
        string path = folder.File("deep", "er", "image.png");
        ImageCodec.Save(image, path);
        DecodedImage back = ImageCodec.Decode(path, new ImageDecoding { Channels = channels });

        (back.Width, back.Height, back.Channels).Should().Be((37, 21, channels));
        back.Pixels.Should().Equal(image.Pixels);
        ImageCodec.ReadSize(path).Should().Be((37, 21));
    }

    [Fact]
    public void Saving_replaces_an_older_file_and_leaves_nothing_beside_it()
    {
        string path = folder.File("image.png");
        ImageCodec.Save(Noise(4, 4, 3), path);
        ImageCodec.Save(Noise(9, 5, 3), path);
        ImageCodec.ReadSize(path).Should().Be((9, 5));
        Directory.GetFiles(folder.Path).Should().Equal(path);
    }

    [Fact]
    public void A_file_that_cannot_be_put_in_place_leaves_nothing_behind()
    {
        string path = folder.File("taken", "file.txt");
        File.WriteAllText(path, "a folder with this file cannot be replaced by an image");
        Action save = () => ImageCodec.Save(Noise(4, 4, 3), folder.File("taken"), ImageFormat.Png);
        save.Should().Throw<Exception>();
        Directory.GetFileSystemEntries(folder.Path).Should().HaveCount(1);
    }

    [Theory]
    [InlineData(SKEncodedImageFormat.Jpeg, 8)]
    [InlineData(SKEncodedImageFormat.Png, 0)]
    [InlineData(SKEncodedImageFormat.Webp, 8)]
    public void Every_format_is_read_whatever_the_name_of_the_file(SKEncodedImageFormat format, int error)
    {
        DecodedImage image = Ramp(64, 48);
        string path = folder.File("image.of-any-name");
        File.WriteAllBytes(path, Encode(image, format));
        DecodedImage back = ImageCodec.Decode(path);
        (back.Width, back.Height).Should().Be((64, 48));
        back.Pixels.Zip(image.Pixels, (a, b) => Math.Abs(a - b)).Max().Should().BeLessThanOrEqualTo(error);
    }

    [Fact]
    public void The_first_frame_of_a_gif_and_a_bmp_are_read()
    {
        // Two colors, 1 x 2 pixels: red above blue. LZW: clear, 0, 1, end in 3-bit codes.
        byte[] gif =
        [
            .. "GIF89a"u8, 1, 0, 2, 0, 0x80, 0, 0, 255, 0, 0, 0, 0, 255,
            0x2C, 0, 0, 0, 0, 1, 0, 2, 0, 0, 2, 2, 0x44, 0x0A, 0, 0x3B,
        ];
        DecodeBytes(gif).Pixels.Should().Equal(255, 0, 0, 0, 0, 255);

        // 1 x 1 pixel of 24 bits, blue first, the row padded to 4 bytes.
        byte[] bmp =
        [
            .. "BM"u8, 58, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0,
            40, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 24, 0, 0, 0, 0, 0, 4, 0, 0, 0, .. new byte[16],
            10, 20, 30, 0,
        ];
        DecodeBytes(bmp).Pixels.Should().Equal(30, 20, 10);
    }

    [Theory]
    [InlineData(40, 0, new byte[] { 0, 0 }, new byte[] { 1, 2, 3, 200, 100, 50 })]
    [InlineData(40, 3, new byte[] { 0, 0 }, new byte[] { 1, 2, 3, 200, 100, 50 })]
    [InlineData(56, 3, new byte[] { 0, 0 }, new byte[] { 1, 2, 3, 200, 100, 50 })]
    [InlineData(108, 3, new byte[] { 0, 0 }, new byte[] { 1, 2, 3, 200, 100, 50 })]
    [InlineData(124, 3, new byte[] { 0, 0 }, new byte[] { 1, 2, 3, 200, 100, 50 })]
    [InlineData(108, 3, new byte[] { 255, 0 }, new byte[] { 1, 2, 3, 255, 255, 255 })]
    [InlineData(124, 3, new byte[] { 0, 255 }, new byte[] { 255, 255, 255, 200, 100, 50 })]
    [InlineData(124, 3, new byte[] { 255, 255 }, new byte[] { 1, 2, 3, 200, 100, 50 })]
    public void A_bmp_whose_alpha_is_zero_everywhere_has_none(int header, int compression, byte[] alpha, byte[] expected) =>
        DecodeBytes(Bmp(header, compression, 32, [0xFF0000, 0xFF00, 0xFF, 0xFF000000],
            [3, 2, 1, alpha[0], 50, 100, 200, alpha[1]])).Pixels.Should().Equal(expected);

    [Theory]
    [InlineData(0, new byte[] { 255, 0, 0, 0, 0, 255 })]
    [InlineData(0x80, new byte[] { 255, 255, 255, 0, 0, 255 })]
    public void A_bmp_of_16_bits_with_alpha_is_read_alike(byte alphaOfSecond, byte[] expected) =>
        DecodeBytes(Bmp(108, 3, 16, [0x7C00, 0x3E0, 0x1F, 0x8000], [0x00, 0x7C, 0x1F, alphaOfSecond])).Pixels.Should().Equal(expected);

    // 2 x 1 pixels.
    private static byte[] Bmp(int header, int compression, short bits, uint[] masks, byte[] pixels)
    {
        using MemoryStream file = new();
        using BinaryWriter writer = new(file);
        int begin = 14 + header + (header == 40 && compression == 3 ? 12 : 0);
        writer.Write([.. "BM"u8]);
        foreach (int value in (int[])[begin + pixels.Length, 0, begin, header, 2, 1])
        {
            writer.Write(value);
        }

        writer.Write((short)1);
        writer.Write(bits);
        foreach (int value in (int[])[compression, pixels.Length, 2835, 2835, 0, 0])
        {
            writer.Write(value);
        }

        foreach (uint mask in masks.Take(compression == 3 ? (begin - 54) / 4 : 0))
        {
            writer.Write(mask);
        }

        writer.Write(new byte[begin - file.Length]);
        writer.Write(pixels);
        return file.ToArray();
    }

    [Fact]
    public void A_pointer_of_git_lfs_is_named()
    {
        string path = folder.File("a.png");
        File.WriteAllText(path, $"version https://git-lfs.github.com/spec/v1\noid sha256:{new string('5', 64)}\nsize 143131234\n");
        ((Action)(() => ImageCodec.Decode(path))).Should().Throw<ImageDataException>().Which.Message.Should()
            .StartWith(path).And.Contain("Git LFS").And.Contain("git lfs pull");
        ((Action)(() => ImageCodec.ReadSize(path))).Should().Throw<ImageDataException>().Which.Message.Should().Contain("git lfs pull");
    }

    [Fact]
    public void A_stream_that_cannot_seek_is_read_too()
    {
        using MemoryStream memory = new(Encode(Ramp(16, 16), SKEncodedImageFormat.Png));
        using System.IO.Compression.BrotliStream forwardOnly = Packed(memory.ToArray());
        ImageCodec.Decode(forwardOnly, "stream", new ImageDecoding()).Pixels.Should().Equal(Ramp(16, 16).Pixels);
    }

    [Fact]
    public void Transparent_pixels_show_the_background_in_proportion()
    {
        byte[] png = HandmadePng.Write(3, 1, 8, HandmadePng.Rgba, [[200, 100, 0, 255, 200, 100, 0, 0, 200, 100, 0, 51]]);
        DecodeBytes(png).Pixels.Should().Equal(200, 100, 0, 255, 255, 255, 244, 224, 204);
        DecodeBytes(png, new ImageDecoding { Background = RgbColor.Black }).Pixels.Should().Equal(200, 100, 0, 0, 0, 0, 40, 20, 0);
    }

    [Fact]
    public void Palettes_with_transparency_are_read()
    {
        byte[] png = HandmadePng.Write(
            4, 1, 2, HandmadePng.Palette, [[0b00_01_10_11]], palette: [10, 20, 30, 40, 50, 60, 70, 80, 90, 1, 2, 3],
                transparency: [255, 0]);
        DecodeBytes(png).Pixels.Should().Equal(10, 20, 30, 255, 255, 255, 70, 80, 90, 1, 2, 3);
    }

    [Theory]
    [InlineData(1, new byte[] { 0b1010_0000 }, new byte[] { 255, 0, 255, 0 })]
    [InlineData(4, new byte[] { 0x0F, 0x80 }, new byte[] { 0, 255, 136, 0 })]
    [InlineData(8, new byte[] { 7, 77, 177, 200 }, new byte[] { 7, 77, 177, 200 })]
    [InlineData(16, new byte[] { 7, 0, 77, 0, 177, 0, 200, 0 }, new byte[] { 7, 77, 177, 200 })]
    public void Gray_of_any_depth_stays_gray_exactly(byte bits, byte[] row, byte[] expected)
    {
        byte[] png = HandmadePng.Write(4, 1, bits, HandmadePng.Gray, [row]);
        DecodeBytes(png, Gray).Pixels.Should().Equal(expected);
        DecodeBytes(png).Pixels.Should().Equal(expected.SelectMany(v => new[] { v, v, v }));
    }

    [Fact]
    public void Color_becomes_gray_by_its_luma()
    {
        byte[] png = HandmadePng.Write(4, 1, 8, HandmadePng.Rgb, [[255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30]]);
        DecodeBytes(png, Gray).Pixels.Should().Equal(76, 150, 29, 18);
    }

    [Theory]
    [InlineData(1, "RG/BW/KY")]
    [InlineData(2, "GR/WB/YK")]
    [InlineData(3, "YK/WB/GR")]
    [InlineData(4, "KY/BW/RG")]
    [InlineData(5, "RBK/GWY")]
    [InlineData(6, "KBR/YWG")]
    [InlineData(7, "YWG/KBR")]
    [InlineData(8, "GWY/RBK")]
    public void The_exif_orientation_is_applied(byte orientation, string shown)
    {
        // Stored: red green / blue white / black yellow, in blocks of 16 x 16 so that JPEG keeps them.
        byte[] jpeg = Encode(Blocks("RG/BW/KY", 16), SKEncodedImageFormat.Jpeg);
        byte[] exif =
        [
            0xFF, 0xE1, 0, 34, .. "Exif"u8, 0, 0, .. "MM"u8, 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0,
                0, 0, 0,
        ];
        string path = folder.File($"{orientation}.jpg");
        File.WriteAllBytes(path, [.. jpeg[..2], .. exif, .. jpeg[2..]]);

        DecodedImage expected = Blocks(shown, 16);
        ImageCodec.ReadSize(path).Should().Be((expected.Width, expected.Height));
        DecodedImage image = ImageCodec.Decode(path);
        (image.Width, image.Height).Should().Be((expected.Width, expected.Height));
        image.Pixels.Zip(expected.Pixels, (a, b) => Math.Abs(a - b)).Average().Should().BeLessThan(6);
    }

    [Fact]
    public void An_empty_file_is_named()
    {
        string path = folder.File("nothing.jpg");
        File.WriteAllBytes(path, []);
        Failure(() => ImageCodec.Decode(path)).Should()
            .Match<ImageDataException>(e => e.Path == path && e.Reason.Contains("empty (0 bytes)"));
        Failure(() => ImageCodec.ReadSize(path)).Message.Should().StartWith(path);
    }

    [Fact]
    public void Text_called_png_is_no_image()
    {
        string path = folder.File("letter.png");
        File.WriteAllText(path, "Dear reader, this is no picture. " + new string('x', 500));
        Failure(() => ImageCodec.Decode(path)).Reason.Should().Contain("not an image in a supported format");
        Failure(() => ImageCodec.ReadSize(path)).Reason.Should().Contain("not an image in a supported format");
    }

    [Theory]
    [InlineData(SKEncodedImageFormat.Jpeg)]
    [InlineData(SKEncodedImageFormat.Png)]
    [InlineData(SKEncodedImageFormat.Webp)]
    public void A_file_cut_anywhere_is_refused(SKEncodedImageFormat format)
    {
        byte[] whole = Encode(Noise(40, 40, 3), format);
        for (int part = 1; part < 20; part++)
        {
            byte[] cut = whole[..(whole.Length * part / 20)];
            Failure(() => DecodeBytes(cut)).Reason.Should()
                .MatchRegex("truncated|cut short|not an image", "{0}/20 of the file are there", part);
        }

        Failure(() => DecodeBytes(whole[..(whole.Length / 2)])).Reason.Should().MatchRegex("truncated|cut short");
    }

    [Fact]
    public void A_size_of_zero_is_refused()
    {
        Failure(() => DecodeBytes(HandmadePng.Write(0, 0, 8, HandmadePng.Gray, [])));
        Failure(() => DecodeBytes(HandmadePng.Write(8, 0, 8, HandmadePng.Gray, [])));
    }

    [Fact]
    public void Damaged_pixels_are_refused()
    {
        byte[] png = HandmadePng.Write(16, 16, 8, HandmadePng.Gray, [.. Enumerable.Repeat(new byte[16], 16)]);
        int data = png.AsSpan().IndexOf("IDAT"u8);
        png[data + 8] ^= 0xFF;
        Failure(() => DecodeBytes(png));
    }

    [Fact]
    public void An_image_over_the_pixel_limit_is_refused_before_memory_is_taken()
    {
        string path = folder.File("huge.png");
        File.WriteAllBytes(path, HandmadePng.Write(60_000, 60_000, 8, HandmadePng.Rgb, [[1, 2, 3]]));
        long before = GC.GetAllocatedBytesForCurrentThread();
        Failure(() => ImageCodec.Decode(path)).Reason.Should().Contain("60000 x 60000").And.Contain("limit of 67108864");
        Failure(() => ImageCodec.ReadSize(path));
        (GC.GetAllocatedBytesForCurrentThread() - before).Should().BeLessThan(1_000_000);

        File.WriteAllBytes(path, Encode(Ramp(20, 10), SKEncodedImageFormat.Png));
        ImageCodec.Decode(path, new ImageDecoding { PixelLimit = 200 }).Width.Should().Be(20);
        Failure(() => ImageCodec.Decode(path, new ImageDecoding { PixelLimit = 199 }));
    }

    [Fact]
    public void An_image_that_no_array_can_hold_is_refused_whatever_the_limit()
    {
        byte[] png = HandmadePng.Write(40_000, 30_000, 8, HandmadePng.Rgb, [[1, 2, 3]]);
        Failure(() => DecodeBytes(png, new ImageDecoding { PixelLimit = long.MaxValue })).Reason.Should()
            .Contain("40000 x 30000").And.Contain("at most 536870897");
    }

    [Fact]
    public void An_orientation_that_stands_after_the_pixels_is_seen()
    {
        byte[] webp = Encode(Noise(400, 300, 3), SKEncodedImageFormat.Webp);
        webp.Length.Should().BeGreaterThan(64 * 1024);
        byte[] extended = [.. "VP8X"u8, 10, 0, 0, 0, 8, 0, 0, 0, 399 & 255, 399 >> 8, 0, 299 & 255, 299 >> 8, 0];
        byte[] exif = [.. "EXIF"u8, 26, 0, 0, 0, .. "MM"u8, 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0];
        byte[] chunks = [.. "WEBP"u8, .. extended, .. webp[12..], .. exif];
        string path = folder.File("turned.webp");
        File.WriteAllBytes(path, [.. "RIFF"u8, .. BitConverter.GetBytes(chunks.Length), .. chunks]);

        ImageCodec.ReadSize(path).Should().Be((300, 400));
        DecodedImage image = ImageCodec.Decode(path);
        (image.Width, image.Height).Should().Be((300, 400));
    }

    [Fact]
    public void The_size_of_a_file_whose_header_is_long_is_read_too()
    {
        byte[] jpeg = Encode(Ramp(16, 16), SKEncodedImageFormat.Jpeg);
        byte[] comment = [0xFF, 0xFE, 0xEA, 0x62, .. new byte[0xEA60]];
        string path = folder.File("long.jpg");
        File.WriteAllBytes(path, [.. jpeg[..2], .. comment, .. comment, .. jpeg[2..]]);
        ImageCodec.ReadSize(path).Should().Be((16, 16));
    }

    [Fact]
    public void A_missing_file_is_an_ordinary_io_error()
    {
        Action decode = () => ImageCodec.Decode(folder.File("missing.png"));
        decode.Should().Throw<FileNotFoundException>();
    }

    [Fact]
    public void Two_or_four_channels_are_refused()
    {
        Action decode = () => DecodeBytes([], new ImageDecoding { Channels = 4 });
        decode.Should().Throw<ArgumentOutOfRangeException>().WithMessage("*1 (gray) or 3 (RGB)*");
    }

    private static DecodedImage DecodeBytes(byte[] bytes, ImageDecoding? decoding = null)
    {
        using MemoryStream stream = new(bytes);
        return ImageCodec.Decode(stream, "bytes", decoding ?? new ImageDecoding());
    }

    private static ImageDataException Failure(Func<object> action) =>
        action.Should().Throw<ImageDataException>().Which;

    private static DecodedImage Ramp(int width, int height) => new(
        width, height, 3,
            [.. from y in Enumerable.Range(0, height) from x in Enumerable.Range(0, width) from c in (int[])[x * 3, y * 4,
                120] select (byte)c]);

    private static DecodedImage Noise(int width, int height, int channels) => new(
        width, height, channels,
            [.. Enumerable.Range(0, width * height * channels).Select(i => (byte)new SeedStream(3).Derive(RandomPurpose.Drawing, i))]);

    private static DecodedImage Blocks(string letters, int size)
    {
        string[] rows = letters.Split('/');
        int width = rows[0].Length * size;
        return new DecodedImage(width, rows.Length * size, 3,
        [
            .. from y in Enumerable.Range(0, rows.Length * size)
               from x in Enumerable.Range(0, width)
               from c in rows[y / size][x / size] switch
               {
                   'R' => (byte[])[255, 0, 0], 'G' =>
                       [0, 255, 0], 'B' => [0, 0, 255], 'W' => [255, 255, 255], 'Y' => [255, 255, 0], _ => [0, 0, 0],
               }
               select c,
        ]);
    }

    private static byte[] Encode(DecodedImage image, SKEncodedImageFormat format)
    {
        using SKBitmap bitmap = new(new SKImageInfo(image.Width, image.Height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        for (int i = 0; i < image.Width * image.Height; i++)
        {
            bitmap.SetPixel(i % image.Width, i / image.Width,
                new SKColor(image.Pixels[3 * i], image.Pixels[(3 * i) + 1], image.Pixels[(3 * i) + 2]));
        }

        using SKData data = bitmap.Encode(format, 95);
        return data.ToArray();
    }

    [SuppressMessage("Reliability", "CA2000:Dispose objects before losing scope", Justification = "The stream owns its memory.")]
    private static System.IO.Compression.BrotliStream Packed(byte[] bytes)
    {
        MemoryStream packed = new();
        using (System.IO.Compression.BrotliStream pack = new(packed, System.IO.Compression.CompressionMode.Compress, leaveOpen: true))
        {
            pack.Write(bytes);
        }

        packed.Position = 0;
        return new System.IO.Compression.BrotliStream(packed, System.IO.Compression.CompressionMode.Decompress);
    }
}
