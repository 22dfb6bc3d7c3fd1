namespace Diffusion.Training.Tests.Data;

public sealed class SquareWindowTests
{
    private const int Draws = 20_000;

    [Theory]
    [InlineData(5, 3, 1, 0, 3)]
    [InlineData(2, 4, 0, 1, 2)]
    [InlineData(7, 7, 0, 0, 7)]
    public void The_middle_is_as_large_as_fits(int width, int height, int left, int top, int side)
    {
        SquareWindow.Middle(width, height).Should().Be(new SquareWindow(left, top, side));
    }

    [Fact]
    public void Every_place_is_drawn_as_often()
    {
        // A side of 4 in 9 x 6 pixels: 6 places across, 3 down.
        SquareWindow[] windows = [.. Enumerable.Range(0, Draws).Select(i => SquareWindow.Anywhere(9, 6, 4.0 / 6, new SeedStream(i)))];
        windows.Should().OnlyContain(window => window.Side == 4);
        int[] counts = [.. windows.GroupBy(window => (window.Left, window.Top)).Select(group => group.Count())];
        counts.Should().HaveCount(18);

        // 18 places of 1111 +- 32.
        counts.Should().OnlyContain(count => Math.Abs(count - (Draws / 18.0)) < 5 * 33);
        windows.Should().OnlyContain(window => window.Left >= 0 && window.Left <= 5 && window.Top >= 0 && window.Top <= 2);
    }

    [Fact]
    public void The_same_draws_give_the_same_place_and_a_tiny_share_one_pixel()
    {
        SquareWindow.Anywhere(90, 60, 0.5, new SeedStream(3)).Should().Be(SquareWindow.Anywhere(90, 60, 0.5, new SeedStream(3)));
        SquareWindow.Anywhere(90, 60, 1e-9, new SeedStream(3)).Side.Should().Be(1);
        SquareWindow.Anywhere(1, 1, 1, new SeedStream(3)).Should().Be(new SquareWindow(0, 0, 1));
    }
}
