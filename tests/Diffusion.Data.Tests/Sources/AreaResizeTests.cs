namespace Diffusion.Data.Tests;

public sealed class AreaResizeTests
{
    [Fact]
    public void Halving_averages_four_pixels()
    {
        Resize(Gray(4, 4, 0, 10, 20, 30, 2, 12, 22, 32, 100, 100, 200, 200, 100, 100, 200, 201), 2).Should().Equal(6, 26, 100, 200);
    }

    [Fact]
    public void Three_to_two_weighs_the_shared_pixel_by_its_area()
    {
        // Each new pixel covers one and a half old ones.
        Resize(Gray(3, 3, 0, 90, 240, 0, 90, 240, 0, 90, 240), 2).Should().Equal(30, 190, 30, 190);
    }

    [Fact]
    public void Doubling_is_linear_between_centers()
    {
        Resize(Gray(2, 2, 0, 100, 0, 100), 4).Should().Equal(0, 25, 75, 100, 0, 25, 75, 100, 0, 25, 75, 100, 0, 25, 75, 100);
    }

    [Theory]
    [InlineData(1, 5)]
    [InlineData(5, 1)]
    [InlineData(7, 7)]
    [InlineData(100, 32)]
    [InlineData(33, 32)]
    [InlineData(32, 100)]
    public void A_uniform_image_stays_uniform(int from, int to)
    {
        DecodedImage image = new(from, from, 3, [.. Enumerable.Repeat((byte[])[255, 0, 77], from * from).SelectMany(pixel => pixel)]);
        Resize(image, to).Chunk(3).Should().OnlyContain(pixel => pixel[0] == 255 && pixel[1] == 0 && pixel[2] == 77);
    }

    [Fact]
    public void The_center_square_is_cropped()
    {
        Resize(Gray(5, 3, 9, 1, 2, 3, 9, 9, 4, 5, 6, 9, 9, 7, 8, 9, 9), 3).Should().Equal(1, 2, 3, 4, 5, 6, 7, 8, 9);
        Resize(Gray(2, 4, 9, 9, 1, 2, 3, 4, 9, 9), 2).Should().Equal(1, 2, 3, 4);
    }

    [Fact]
    public void The_mean_brightness_is_kept()
    {
        byte[] noise = [.. Enumerable.Range(0, 97 * 97).Select(i => (byte)new SeedStream(1).Derive(RandomPurpose.Drawing, i))];
        double mean = noise.Average(value => value);
        Resize(new DecodedImage(97, 97, 1, noise), 31).Average(value => value).Should().BeApproximately(mean, 0.1);
    }

    [Theory]
    [InlineData(1, 100, 64)]
    [InlineData(3, 100, 64)]
    [InlineData(3, 256, 64)]
    [InlineData(1, 31, 7)]
    [InlineData(3, 13, 29)]
    [InlineData(3, 1, 3)]
    public void Vectorized_and_scalar_code_give_the_same_bytes(int channels, int side, int size)
    {
        // Vertically, then horizontally, tap by tap: the width of vectors must not change the result.
        DecodedImage image = Noise(side + 9, side + 5, channels);
        CropArea part = new(4, 3, side, side);
        byte[] actual = new byte[size * size * channels];
        new AreaResize(size, size).Resize(Pixels(image), part, actual);

        ResizeTaps taps = new(size);
        taps.Fill(0, side, side);
        for (int i = 0; i < actual.Length; i++)
        {
            (int y, int x, int c) = (i / channels / size, i / channels % size, i % channels);
            float sum = 0.5f;
            for (int across = 0; across < taps.Weights(x).Length; across++)
            {
                float column = 0;
                for (int down = 0; down < taps.Weights(y).Length; down++)
                {
                    int pixel = ((3 + taps.First(y) + down) * image.Width) + 4 + taps.First(x) + across;
                    column += taps.Weights(y)[down] * image.Pixels[(pixel * channels) + c];
                }

                sum += taps.Weights(x)[across] * column;
            }

            actual[i].Should().Be((byte)Math.Clamp(sum, 0, 255), "this is byte {0}", i);
        }
    }

    [Fact]
    public void Resizing_a_window_equals_cropping_it_first()
    {
        DecodedImage image = Noise(50, 40, 3);
        AreaResize resize = new(9, 7);
        foreach (ImageWindow window in (ImageWindow[])[new(0, 0, 40, 40), new(10, 0, 40, 13), new(49, 39, 1, 1), new(7, 11, 23, 5),
            new(30, 20, 20, 20)])
        {
            byte[] cut = [.. Enumerable.Range(window.Top, window.Height)
                .SelectMany(y => image.Pixels.AsSpan(((y * 50) + window.Left) * 3, window.Width * 3).ToArray())];
            byte[] actual = new byte[9 * 7 * 3];
            resize.Resize(Pixels(image), new CropArea(window.Left, window.Top, window.Width, window.Height), actual);
            byte[] expected = new byte[actual.Length];
            resize.Resize(new ImagePixels(window.Width, window.Height, 3, cut), new CropArea(0, 0, window.Width, window.Height), expected);
            actual.Should().Equal(expected);
        }
    }

    [Fact]
    public void Weights_sum_to_one_for_any_range()
    {
        ResizeTaps taps = new(7);
        foreach ((double from, double length, int pixels) in ((double, double, int)[])[(0, 30, 30), (0.875, 29.125, 30), (3.5, 8.25, 12),
            (0.25, 7, 8), (5, 3, 8), (0, 1, 1), (7.5, 0.5, 8), (3.2, 0.4, 8), (0, 0.25, 1)])
        {
            taps.Fill(from, length, pixels);
            for (int pixel = 0; pixel < 7; pixel++)
            {
                taps.Weights(pixel).ToArray().Sum(weight => weight).Should().BeApproximately(1, 1e-6f);
                (taps.First(pixel) + taps.Weights(pixel).Length).Should().BeLessThanOrEqualTo(pixels);
            }
        }
    }

    private static ImagePixels Pixels(DecodedImage image) => new(image.Width, image.Height, image.Channels, image.Pixels);

    private static DecodedImage Noise(int width, int height, int channels) => new(
        width, height, channels,
            [.. Enumerable.Range(0, width * height * channels).Select(i => (byte)new SeedStream(2).Derive(RandomPurpose.Drawing, i))]);

    private static DecodedImage Gray(int width, int height, params byte[] pixels) => new(width, height, 1, pixels);

    private static byte[] Resize(DecodedImage image, int size)
    {
        byte[] pixels = new byte[size * size * image.Channels];
        CropArea part = ImageFrame.Whole(image.Width, image.Height).CropToShape((size, size)).Part;
        new AreaResize(size, size).Resize(Pixels(image), part, pixels);
        return pixels;
    }
}
