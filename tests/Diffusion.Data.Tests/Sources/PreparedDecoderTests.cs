using SkiaSharp;

namespace Diffusion.Data.Tests;

public sealed class PreparedDecoderTests
{
    [Theory]
    [InlineData(100, SKEncodedImageFormat.Jpeg)]
    [InlineData(256, SKEncodedImageFormat.Jpeg)]
    [InlineData(32, SKEncodedImageFormat.Png)]
    public void Preparing_an_image_allocates_hardly_anything(int side, SKEncodedImageFormat format)
    {
        const int Images = 200;
        byte[] file = TestImages.Encode(side, side, format, Patches);
        byte[] pixels = new byte[64 * 64 * 3];
        foreach (ImageTransform[] transforms in (ImageTransform[][])[[],
            [ImageTransform.RandomSquare(0.3), ImageTransform.RandomFlip(), ImageTransform.ColorJitter(0.2, 0.2, 0.2, 0.1)]])
        {
            using PreparedDecoder decoder = Decoder(new ImagePreparation { Size = 64, Transforms = transforms });
            long before = 0;
            for (int i = -Images; i < Images; i++)
            {
                before = i == 0 ? GC.GetAllocatedBytesForCurrentThread() : before;
                decoder.Decode(file, new SeedStream(i), pixels);
            }

            ((GC.GetAllocatedBytesForCurrentThread() - before) / Images).Should().BeLessThan(1000);
        }
    }

    [Fact]
    public void Random_squares_have_the_requested_sizes_and_any_place()
    {
        // Red is the column and green is the row, so that a square of two pixels shows where it was.
        byte[] file = TestImages.Encode(240, 120, SKEncodedImageFormat.Png, (x, y) => new SKColor((byte)x, (byte)y, 0));
        using PreparedDecoder decoder = Decoder(new ImagePreparation { Size = 2, Transforms = [ImageTransform.RandomSquare(0.5)] });
        List<(double Left, double Top, double Side)> squares = [];
        byte[] pixels = new byte[2 * 2 * 3];
        for (int i = 0; i < 500; i++)
        {
            decoder.Decode(file, new SeedStream(i), pixels);
            double side = 2.0 * (pixels[3] - pixels[0]);
            squares.Add((pixels[0] + 0.5 - (side / 4), pixels[1] + 0.5 - (side / 4), side));
        }

        squares.Should().OnlyContain(square => square.Side >= 58 && square.Side <= 122 && square.Left >= -2 && square.Top >= -2
            && square.Left + square.Side <= 242 && square.Top + square.Side <= 122);
        squares.Average(square => square.Side).Should().BeApproximately(90, 4);
        (squares.Min(square => square.Side), squares.Max(square => square.Side))
            .Should().Match<(double Min, double Max)>(s => s.Min < 64 && s.Max > 116);
        squares.Max(square => square.Left).Should().BeGreaterThan(150);
        squares.Max(square => square.Top).Should().BeGreaterThan(45);
        (squares.Min(square => square.Left), squares.Min(square => square.Top))
            .Should().Match<(double Left, double Top)>(s => s.Left < 5 && s.Top < 3);
    }

    [Fact]
    public void The_same_random_stream_gives_the_same_bytes_and_none_gives_the_center()
    {
        byte[] file = TestImages.Encode(90, 60, SKEncodedImageFormat.Png, Patches);
        ImagePreparation random = new() { Size = 20, Transforms = [ImageTransform.RandomSquare(0.4)] };
        byte[] first = Prepare(random, file, new SeedStream(7));
        using PreparedDecoder decoder = Decoder(random);
        byte[] again = new byte[first.Length];
        decoder.Decode(file, new SeedStream(8), again);
        again.Should().NotEqual(first);
        decoder.Decode(file, new SeedStream(7), again);
        again.Should().Equal(first);

        byte[] middle = Prepare(random with { Transforms = [] }, file, null);
        Prepare(random, file, null).Should().Equal(middle);
        Prepare(random with { Transforms = [] }, file, new SeedStream(7)).Should().Equal(middle);
    }

    [Theory]
    [InlineData(1000, 700, 32, 2.5)]
    [InlineData(1000, 700, 64, 1.3)]
    [InlineData(1000, 700, 128, 1.3)]
    [InlineData(301, 333, 32, 2.5)]
    [InlineData(301, 333, 64, 1.3)]
    public void Decoding_at_reduced_size_changes_hard_edges_little(int width, int height, int size, double mean)
    {
        byte[] file = TestImages.Encode(width, height, SKEncodedImageFormat.Jpeg, Patches);
        (double actual, int largest) = Difference(file, new ImagePreparation { Size = size }, null);
        actual.Should().BeInRange(1e-9, mean);
        largest.Should().BeLessThanOrEqualTo(32);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    public void A_square_has_the_same_place_at_every_size_and_orientation(byte orientation)
    {
        // 301 and 333 are not multiples of 8, so the position of the last partial pixel depends on the orientation.
        byte[] jpeg = TestImages.Encode(333, 301, SKEncodedImageFormat.Jpeg,
            (x, y) => new SKColor((byte)(x * 255 / 333), (byte)(y * 255 / 301), (byte)(((x * 3) + (y * 2)) % 256)));
        byte[] exif =
        [
            0xFF, 0xE1, 0, 34, .. "Exif"u8, 0, 0, .. "MM"u8, 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0,
                0, 0, 0,
        ];
        byte[] file = [.. jpeg[..2], .. exif, .. jpeg[2..]];
        for (int seed = 0; seed < 20; seed++)
        {
            Difference(file, new ImagePreparation { Size = 16, Transforms = [ImageTransform.Resize(200), ImageTransform.RandomCrop(180)] },
                new SeedStream(seed)).Mean.Should().BeLessThan(1.5);
        }
    }

    [Fact]
    public void A_small_part_of_a_large_jpeg_keeps_its_detail()
    {
        byte[] file = TestImages.Encode(1024, 1024, SKEncodedImageFormat.Jpeg, (x, y) => (x / 5 % 2) == (y / 7 % 2)
            ? SKColors.White
            : SKColors.Navy);
        ImagePreparation part = new() { Size = 32,
            Transforms = [ImageTransform.Crop("a part", (_, _) => new ImageWindow(300, 500, 70, 70))] };
        Difference(file, part, null).Mean.Should().BeLessThan(1.5);
    }

    [Fact]
    public void Decoding_photographs_at_reduced_size_is_hardly_visible()
    {
        string folder = TestData.Folder("sign-digits", "images", "7");
        foreach (string name in (string[])["IMG_5874.JPG", "IMG_5935.JPG", "IMG_5978.JPG"])
        {
            (double mean, int largest) = Difference(File.ReadAllBytes(Path.Combine(folder, name)), new ImagePreparation { Size = 64 },
                null);
            mean.Should().BeInRange(1e-9, 0.2, name);
            largest.Should().BeLessThanOrEqualTo(6, name);
        }
    }

    // Compared with the same square of the image decoded at full size.
    private static (double Mean, int Max) Difference(byte[] file, ImagePreparation preparation, SeedStream? draws)
    {
        using ImageDecoder decoder = new(new ImageDecoding());
        ImagePixels whole = decoder.Decode(file, "whole");
        (int, int) size = (preparation.Size, preparation.Size);
        ImageFrame frame = new TransformList(preparation.Transforms, [], 3).Choose(ImageFrame.Whole(whole.Width, whole.Height), size, draws)
            .CropToShape(size);
        byte[] expected = new byte[preparation.Size * preparation.Size * 3];
        new AreaResize(preparation.Size, preparation.Size).Resize(whole, frame.Part, expected);
        int[] differences = [.. Prepare(preparation, file, draws).Zip(expected, (a, b) => Math.Abs(a - b))];
        return (differences.Average(), differences.Max());
    }

    private static PreparedDecoder Decoder(ImagePreparation preparation) =>
        new(preparation, new TransformList(preparation.Transforms, [], preparation.Channels));

    private static byte[] Prepare(ImagePreparation preparation, byte[] file, SeedStream? draws)
    {
        using PreparedDecoder decoder = Decoder(preparation);
        byte[] pixels = new byte[preparation.Size * preparation.Size * 3];
        decoder.Decode(file, draws, pixels);
        return pixels;
    }

    private static SKColor Patches(int x, int y) => ((x / 37) + (y / 53)) % 2 == 0
        ? new SKColor(220, (byte)(y / 4), 200)
        : new SKColor((byte)(x / 6), 90, 40);
}
