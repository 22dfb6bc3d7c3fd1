using Diffusion.Data;
using Diffusion.TestKit;

namespace Diffusion.Training.Tests.Tuning;

/// <summary>Sets of images that are possible but unusual.</summary>
public sealed class ImageWarningsTests
{
    [Fact]
    public void Ordinary_images_are_not_unusual() => Warnings(new ImageStatisticsOf()).Should().BeEmpty();

    [Fact]
    public void Repeated_flat_and_pale_images_and_a_single_label_are_named_with_their_numbers()
    {
        Warnings(new ImageStatisticsOf { Repeated = 99 }).Should().ContainSingle().Which.Should().Contain("are identical");
        Warnings(new ImageStatisticsOf { Repeated = 60 }).Should().ContainSingle().Which.Should()
            .StartWith("60 of the 100 images examined in stripes(40, 8) are copies of others");
        Warnings(new ImageStatisticsOf { Flat = 70 }).Should().ContainSingle().Which.Should()
            .StartWith("70 of the 100").And.Contain("only one color");
        Warnings(new ImageStatisticsOf { Deviation = 0.01 }).Should().ContainSingle().Which.Should().Contain("contrast is very low");
        Warnings(new ImageStatisticsOf { Labels = 1 }, classes: 10).Should().ContainSingle().Which.Should()
            .Contain("the same label, but the model has 10 classes");
        Warnings(new ImageStatisticsOf { Labels = 1 }).Should().BeEmpty();
    }

    [Fact]
    public void Of_a_handful_of_images_nothing_is_said() => Warnings(new ImageStatisticsOf { Images = 7, Repeated = 6 }).Should().BeEmpty();

    private static IEnumerable<string> Warnings(ImageStatisticsOf images, int? classes = null)
    {
        using StripedImages source = new();
        return ImageWarnings.Of(images.Build(), source, classes).Select(warning => warning.Text);
    }

    private sealed record ImageStatisticsOf
    {
        public int Images { get; init; } = 100;

        public int Repeated { get; init; }

        public int Flat { get; init; }

        public double Deviation { get; init; } = 0.5;

        public int? Labels { get; init; }

        public ImageStatistics Build() => new()
        {
            Images = Images, Means = [0], Deviations = [Deviation], DeviationsOfMeans = [0.1], Detail = 0.01, Spread = 0.1,
            FlatImages = Flat, RepeatedImages = Repeated, Labels = Labels,
        };
    }
}
