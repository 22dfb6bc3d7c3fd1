namespace Diffusion.Training.Tests.Data;

public sealed class AreaResizeTests
{
    [Fact]
    public void Halving_takes_the_mean_of_four()
    {
        Resize(Grey(4, 4, 0, 10, 20, 30, 2, 12, 22, 32, 100, 100, 200, 200, 100, 100, 200, 201), 2).Should().Equal(6, 26, 100, 200);
    }

    [Fact]
    public void Three_to_two_weighs_the_shared_pixel_by_its_area()
    {
        // Each new pixel covers one and a half old ones.
        Resize(Grey(3, 3, 0, 90, 240, 0, 90, 240, 0, 90, 240), 2).Should().Equal(30, 190, 30, 190);
    }

    [Fact]
    public void Doubling_is_linear_between_centres()
    {
        Resize(Grey(2, 2, 0, 100, 0, 100), 4).Should().Equal(0, 25, 75, 100, 0, 25, 75, 100, 0, 25, 75, 100, 0, 25, 75, 100);
    }

    [Theory]
    [InlineData(1, 5)]
    [InlineData(5, 1)]
    [InlineData(7, 7)]
    [InlineData(100, 32)]
    [InlineData(33, 32)]
    [InlineData(32, 100)]
    public void A_plain_image_stays_plain(int from, int to)
    {
        DecodedImage image = new(from, from, 3, [.. Enumerable.Repeat((byte[])[255, 0, 77], from * from).SelectMany(pixel => pixel)]);
        Resize(image, to).Chunk(3).Should().OnlyContain(pixel => pixel[0] == 255 && pixel[1] == 0 && pixel[2] == 77);
    }

    [Fact]
    public void The_middle_square_is_cut_out()
    {
        Resize(Grey(5, 3, 9, 1, 2, 3, 9, 9, 4, 5, 6, 9, 9, 7, 8, 9, 9), 3).Should().Equal(1, 2, 3, 4, 5, 6, 7, 8, 9);
        Resize(Grey(2, 4, 9, 9, 1, 2, 3, 4, 9, 9), 2).Should().Equal(1, 2, 3, 4);
    }

    [Fact]
    public void The_mean_brightness_is_kept()
    {
        byte[] noise = [.. Enumerable.Range(0, 97 * 97).Select(i => (byte)new SeedStream(1).Derive(RandomPurpose.Drawing, i))];
        double mean = noise.Average(value => value);
        Resize(new DecodedImage(97, 97, 1, noise), 31).Average(value => value).Should().BeApproximately(mean, 0.1);
    }

    private static DecodedImage Grey(int width, int height, params byte[] pixels) => new(width, height, 1, pixels);

    private static byte[] Resize(DecodedImage image, int size)
    {
        byte[] pixels = new byte[size * size * image.Channels];
        new AreaResize(size).Resize(
            new ImagePixels(image.Width, image.Height, image.Channels, image.Pixels), SquareWindow.Middle(image.Width, image.Height), pixels);
        return pixels;
    }
}
