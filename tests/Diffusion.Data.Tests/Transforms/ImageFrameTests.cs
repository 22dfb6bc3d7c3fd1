namespace Diffusion.Data.Tests.Transforms;

public sealed class ImageFrameTests
{
    private const int Draws = 20_000;

    [Theory]
    [InlineData(5, 3, 1, 0, 3, 3)]
    [InlineData(2, 4, 0, 1, 2, 2)]
    [InlineData(7, 7, 0, 0, 7, 7)]
    public void The_center_crop_is_as_large_as_possible(int width, int height, int left, int top, int wide, int high)
    {
        ImageFrame.Whole(width, height).CropToShape((8, 8)).Should().Be(new ImageFrame(new CropArea(left, top, wide, high), wide, high));
    }

    [Theory]
    [InlineData(100, 50, 4, 1, 0, 12, 100, 25)]
    [InlineData(100, 50, 1, 1, 25, 0, 50, 50)]
    [InlineData(50, 100, 2, 1, 0, 37, 50, 25)]
    public void A_set_with_another_aspect_ratio_gets_the_largest_matching_part(
        int width, int height, int across, int down, int left, int top,
        int wide, int high)
    {
        ImageFrame.Whole(width, height).CropToShape((across, down)).Part.Should().Be(new CropArea(left, top, wide, high));
    }

    [Fact]
    public void Crops_after_a_resize_are_in_pixels_of_the_resized_image()
    {
        // 400 x 200 with a nominal shorter side of 100: two pixels per unit.
        ImageFrame resized = ImageFrame.Whole(400, 200).WithShorterSide(100);
        (resized.Width, resized.Height).Should().Be((200, 100));
        ImageFrame cut = resized.Crop(new ImageWindow(10, 20, 64, 32));
        cut.Should().Be(new ImageFrame(new CropArea(20, 40, 128, 64), 64, 32));
        cut.Crop(cut.Center(32, 32)).Part.Should().Be(new CropArea(52, 40, 64, 64));
    }

    [Fact]
    public void All_places_are_equally_likely()
    {
        // A square of 4 in 9 x 6 pixels: 6 places across, 3 down.
        ImageFrame frame = ImageFrame.Whole(9, 6);
        ImageWindow[] windows = [.. Enumerable.Range(0, Draws).Select(i => frame.RandomWindow(4, 4, new SeedStream(i)))];
        int[] counts = [.. windows.GroupBy(window => (window.Left, window.Top)).Select(group => group.Count())];
        counts.Should().HaveCount(18);

        // 18 places of 1111 +- 32.
        counts.Should().OnlyContain(count => Math.Abs(count - (Draws / 18.0)) < 5 * 33);
        windows.Should().OnlyContain(window => window.Left >= 0 && window.Left <= 5 && window.Top >= 0 && window.Top <= 2);
    }

    [Fact]
    public void A_crop_of_a_smaller_image_is_an_error_with_a_remedy()
    {
        FluentActions.Invoking(() => ImageFrame.Whole(30, 50).Center(32, 32)).Should().Throw<ImageDataException>()
            .WithMessage("*30 x 50 pixels, fewer than a crop of 32 x 32*ImageTransform.Resize before*");
        FluentActions.Invoking(() => ImageFrame.Whole(50, 30).RandomWindow(32, 32, new SeedStream(1))).Should().Throw<ImageDataException>();
    }
}
