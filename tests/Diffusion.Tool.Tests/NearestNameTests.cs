using Diffusion.Tool.Terminal;

namespace Diffusion.Tool.Tests;

public sealed class NearestNameTests
{
    [Theory]
    [InlineData("setps", "steps")]
    [InlineData("STEP", "steps")]
    [InlineData("sed", "seed")]
    [InlineData("btachSize", "batchSize")]
    [InlineData("optimizer", null)]
    public void The_nearest_name_is_the_one_with_the_fewest_edits(string typed, string? expected) =>
        NearestName.Of(typed, ["steps", "seed", "batchSize"]).Should().Be(expected);
}
