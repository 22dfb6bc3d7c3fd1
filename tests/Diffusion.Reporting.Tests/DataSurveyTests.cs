using Diffusion.Data;
using Diffusion.TestKit;

namespace Diffusion.Reporting.Tests;

/// <summary>What is read of the images of a run.</summary>
public sealed class DataSurveyTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    [Fact]
    public void Of_images_in_groups_only_the_first_group_is_shown()
    {
        GroupedImages images = new(count: 400, groups: [30, 370]);

        DataSurvey.SavePicture(images, folder.File("data.png"));

        images.ReadIndices.Should().HaveCount(30).And.OnlyContain(index => index < 30);
    }

    [Fact]
    public void Of_other_images_a_hundred_different_ones_are_shown_from_everywhere()
    {
        GroupedImages images = new(count: 1000, groups: null);

        DataSurvey.SavePicture(images, folder.File("data.png"));

        images.ReadIndices.Should().HaveCount(100).And.OnlyHaveUniqueItems();
        images.ReadIndices.Max().Should().BeGreaterThan(900);
        images.ReadIndices.Min().Should().BeLessThan(100);
    }

    public void Dispose() => folder.Dispose();

    private sealed class GroupedImages(long count, IReadOnlyList<long>? groups) : IImageSource
    {
        public List<long> ReadIndices { get; } = [];

        public long Count => count;

        public ImageShape Shape => ImageShape.Square(4, 1);

        public PixelEncoding Encoding => PixelEncoding.UInt8;

        public int? ClassCount => null;

        public string Description => "grouped";

        public IReadOnlyList<long>? GroupSizes => groups;

        public long LabelOf(long index) => throw new InvalidOperationException("There are no labels.");

        public void Read(long index, Span<byte> destination, SeedStream? draws = null, CancellationToken cancellationToken = default)
        {
            ReadIndices.Add(index);
            destination.Fill(128);
        }

        public void Dispose()
        {
            // Nothing is open.
        }
    }
}
