namespace Diffusion.Data.Tests.Shards;

/// <summary>
/// Shards written by Python's webdataset. Image i has 40 x 32 pixels of the color (7i, 13i, 29i) mod 256, with row i mod 32 white. Small
/// shards are next to the tests; the large ones are in the folder DIFFUSION_REFERENCE, or in <c>shared/reference</c> next to the
/// repository.
/// </summary>
public sealed class PythonWrittenShardsTests : IDisposable
{
    private const int Height = 32;

    private const double WhiteInJpeg = 200;

    // JPEG at this quality keeps a plain color to about one level, away from the white row.
    private const int JpegTolerance = 6;

    private readonly ShardFolder folder = new();

    private static string Beside => Path.Combine(AppContext.BaseDirectory, "Fixtures", "PythonWritten");

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("b.tar.gz", "dir.with.dots/x", null, 0)]
    [InlineData("c.tar", "k", 10, 10)]
    public void Small_shards_are_read_as_written(string name, string key, int? classes, int labels)
    {
        using ShardedImages images = Open(Path.Combine(Beside, name));
        (images.Count, images.ClassCount, images.Report.SkippedCount).Should().Be((10, classes, 0));
        for (int i = 0; i < 10; i++)
        {
            images.NameOf(i).Should().Contain($"sample {key}{i},");
            Check(images, i, tolerance: 0);
            (labels == 0 ? 0 : images.LabelOf(i)).Should().Be(labels == 0 ? 0 : i);
        }
    }

    [Fact]
    public void Three_shards_with_two_labels_each_are_read_as_written()
    {
        string? place = Reference();
        Assert.SkipWhen(place is null, "The shards are not here: let DIFFUSION_REFERENCE name the folder that holds python-written.");
        using ShardedImages images = Open(Path.Combine(place, "a-{000000..000002}.tar"));
        (images.Count, images.ClassCount, images.Report.SkippedCount).Should().Be((50, 4, 0));
        images.GroupSizes.Should().Equal(20, 20, 10);
        for (int i = 0; i < 50; i++)
        {
            images.LabelOf(i).Should().Be(i % 4);
            images.NameOf(i).Should().Contain($"sample s{i:D5},");
            Check(images, i, JpegTolerance);
        }

        using ShardedImages fromJson = Open(
            Path.Combine(place, "a-{000000..000002}.tar"),
            folder.Options with { Map = sample => ("jpg", HasText(sample.ReadText("json")) ? 1 : 0) });
        Enumerable.Range(0, 50).Should().OnlyContain(i => fromJson.LabelOf(i) == 1);
    }

    private static string? Reference()
    {
        if (Environment.GetEnvironmentVariable("DIFFUSION_REFERENCE") is { Length: > 0 } named)
        {
            return Existing(named);
        }

        DirectoryInfo? place = new(AppContext.BaseDirectory);
        while (place is not null && !File.Exists(Path.Combine(place.FullName, "Diffusion.sln")))
        {
            place = place.Parent;
        }

        return place?.Parent is { } beside ? Existing(Path.Combine(beside.FullName, "shared", "reference")) : null;
    }

    private static string? Existing(string reference) => Path.Combine(reference, "python-written") is { } path && Directory.Exists(path)
        ? path
        : null;

    // Cropped to the center 32 columns; the rows are unchanged.
    private static void Check(ShardedImages images, int i, int tolerance)
    {
        byte[] pixels = ShardFolder.Read(images, i);
        int[] color = [7 * i % 256, 13 * i % 256, 29 * i % 256];
        for (int row = 0; row < Height; row++)
        {
            int away = Math.Abs(row - (i % Height));
            int place = ((row * Height) + (Height / 2)) * 3;
            if (tolerance > 0 && away < 16)
            {
                // JPEG blurs the white row into its block, its color more than its brightness.
                double brightness = (0.299 * pixels[place]) + (0.587 * pixels[place + 1]) + (0.114 * pixels[place + 2]);
                (away > 0 || brightness > WhiteInJpeg).Should()
                    .BeTrue("row {0} of image {1} is white, and has the brightness {2}", row, i, brightness);
                continue;
            }

            for (int channel = 0; channel < 3; channel++)
            {
                int expected = away == 0 ? 255 : color[channel];
                int found = pixels[place + channel];
                found.Should().BeInRange(expected - tolerance, expected + tolerance, "image {0}, row {1}, channel {2}", i, row, channel);
            }
        }
    }

    private ShardedImages Open(string pattern, ShardOptions? options = null) => ShardedImages.Open(
        pattern, new ImagePreparation { Size = Height }, options ?? folder.Options, TestContext.Current.CancellationToken);

    private static bool HasText(string json) =>
        json.Contains("é 図", StringComparison.Ordinal) || json.Contains("\\u00e9 \\u56f3", StringComparison.Ordinal);
}
