using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Core.Tests.Images;

public sealed class ImageGridTests
{
    [Fact]
    public void Images_lie_row_by_row_between_white_lines()
    {
        // Three images of 1 x 2 gray pixels in two columns.
        using Tensor images = tensor([-1f, -1, 0, 0, 1, -1], [3, 1, 1, 2]);
        DecodedImage grid = ImageGrid.Arrange(images, columns: 2, padding: 1);

        (grid.Width, grid.Height, grid.Channels).Should().Be((7, 5, 1));
        grid.Pixels.Should().Equal(
            255, 255, 255, 255, 255, 255, 255,
            255, 0, 0, 255, 128, 128, 255,
            255, 255, 255, 255, 255, 255, 255,
            255, 255, 0, 255, 255, 255, 255,
            255, 255, 255, 255, 255, 255, 255);
    }

    [Fact]
    public void Scale_repeats_pixels_and_columns_default_to_a_square()
    {
        using Tensor images = full([5, 3, 2, 4], -1f);
        images[4].fill_(1);
        DecodedImage grid = ImageGrid.Arrange(images, padding: 0, scale: 3);

        (grid.Width, grid.Height, grid.Channels).Should().Be((3 * 4 * 3, 2 * 2 * 3, 3));
        int black = grid.Pixels.Count(value => value == 0);
        black.Should().Be(4 * 2 * 4 * 9 * 3);
    }

    [Fact]
    public void The_saved_file_holds_the_grid_and_makes_its_folder()
    {
        using TemporaryFolder folder = new();
        using Tensor images = rand(2, 3, 5, 5).mul_(2).sub_(1);
        string path = Path.Combine(folder.Path, "new", "grid.png");
        ImageGrid.Save(images, path);
        ImageCodec.Decode(path).Pixels.Should().Equal(ImageGrid.Arrange(images).Pixels);
    }

    [Fact]
    public void Wrong_images_and_numbers_are_refused()
    {
        using Tensor none = zeros(0, 3, 4, 4);
        using Tensor four = zeros(1, 4, 4, 4);
        using Tensor good = zeros(1, 3, 4, 4);
        ((Action)(() => ImageGrid.Arrange(none))).Should().Throw<ArgumentException>().WithMessage("*[0, 3, 4, 4]*at least one image*");
        ((Action)(() => ImageGrid.Arrange(four))).Should().Throw<ArgumentException>();
        ((Action)(() => ImageGrid.Arrange(good, columns: 0))).Should().Throw<ArgumentOutOfRangeException>();
        ((Action)(() => ImageGrid.Arrange(good, padding: -1))).Should().Throw<ArgumentOutOfRangeException>();
        ((Action)(() => ImageGrid.Arrange(good, scale: 0))).Should().Throw<ArgumentOutOfRangeException>();
        ((Action)(() => ImageGrid.Arrange(good, columns: 7, scale: 600_000_000)))
            .Should().Throw<ArgumentException>().WithMessage("*1 columns, at scale 600000000*at most 536*smaller scale*");
    }
}
