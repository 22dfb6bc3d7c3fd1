namespace Diffusion.Data.Tests.Transforms;

public sealed class StableDrawsTests
{
    [Fact]
    public void The_random_numbers_of_a_name_are_the_same_in_every_process_and_release()
    {
        // A run may resume in another process or release, so these values must never change.
        Draws("RandomFlip").Should().Be("214 122 639 769 833 6");
        Draws("a name of one's own: é 図").Should().Be("469 132 742 185 271 196");
    }

    private static string Draws(string name)
    {
        List<int> drawn = [];
        ImageTransform noted = ImageTransform.RandomEdit(name,
            (_, draws) => drawn.Add((int)(draws.Uniform(RandomPurpose.Augmentation, 0) * 1000)));
        TransformList list = new([noted, noted], [], 1);
        for (int seed = 0; seed < 3; seed++)
        {
            list.Edit(new ImageCanvas(new byte[1], new ImageShape(1, 1, 1), PixelEncoding.UInt8), new SeedStream(seed));
        }

        return string.Join(' ', drawn);
    }
}
