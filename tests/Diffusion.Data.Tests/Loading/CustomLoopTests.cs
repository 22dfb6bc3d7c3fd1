using Diffusion.TestKit;

namespace Diffusion.Data.Tests;

/// <summary>The public loader, for training loops of applications.</summary>
public sealed class CustomLoopTests
{
    private const int Count = 100;
    private static readonly SeedStream Seeds = new(7);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_epoch_reads_every_image_once_in_the_order_of_the_trainer(bool hasGroups)
    {
        long[]? groups = hasGroups ? [30, 50, 20] : null;
        using NumberedImages images = new(Count, groups: groups);
        LoadingOptions options = new() { ShuffleWindow = 16 };
        long[] read = Read(images, batches: 10, options: options);
        TrainingOrder order = new(groups ?? [], new HeldOutSplit(Count, 0, Seeds), Seeds, options, batchSize: 10);
        read.Should().Equal(Enumerable.Range(0, Count).Select(i => order.IndexAt(i)));
        read.Order().Should().Equal(Enumerable.Range(0, Count).Select(i => (long)i));
    }

    [Fact]
    public void A_run_resumes_at_the_position_of_the_loader()
    {
        using NumberedImages images = new(Count);
        long[] whole = Read(images, batches: 25);
        using BatchLoader loader = new(images, batchSize: 10, Seeds);
        for (int i = 0; i < 12; i++)
        {
            loader.Next(TestContext.Current.CancellationToken).Dispose();
        }

        loader.Position.Should().Be(120);
        Read(images, batches: 13, start: loader.Position).Should().Equal(whole[120..]);
    }

    [Fact]
    public void Held_out_images_are_never_trained_on_and_can_be_read()
    {
        using NumberedImages images = new(Count);
        HeldOutSplit split = new(Count, 0.2, Seeds);
        long[] heldOut = [.. Enumerable.Range(0, (int)split.HeldOutCount).Select(i => split.HeldOutIndexAt(i))];
        Read(images, batches: 8, split: split).Should().HaveCount(80).And.OnlyHaveUniqueItems().And.NotIntersectWith(heldOut);
        using ImageBatch batch = ImageBatch.Read(images, heldOut);
        IndicesOf(batch).Should().Equal(heldOut);
        batch.Labels!.data<long>().ToArray().Should().Equal(heldOut.Select(index => index % 7));
    }

    [Fact]
    public void A_bad_image_is_replaced_and_reported()
    {
        using NumberedImages images = new(Count, index => index == 42);
        List<string> bad = [];
        Read(images, batches: 10, onBadImage: problem => bad.Add(problem.Message)).Should().HaveCount(Count).And.NotContain(42);
        bad.Should().Equal("number 42: it is broken.");
    }

    [Fact]
    public void A_split_of_another_set_and_an_empty_batch_are_rejected()
    {
        using NumberedImages images = new(Count);
        FluentActions.Invoking(() => new BatchLoader(images, 10, Seeds, new HeldOutSplit(Count - 1, 0.2, Seeds)))
            .Should().Throw<ArgumentException>().WithMessage("The split is for 99 images, but the source has 100. Create*");
        FluentActions.Invoking(() => new BatchLoader(images, 0, Seeds)).Should().Throw<ArgumentOutOfRangeException>();
        FluentActions.Invoking(() => new BatchLoader(images, 10, Seeds, start: -1)).Should().Throw<ArgumentOutOfRangeException>();
    }

    private static long[] Read(
        NumberedImages images, int batches, HeldOutSplit? split = null, long start = 0, LoadingOptions? options = null,
        Action<ImageDataException>? onBadImage = null)
    {
        using BatchLoader loader = new(images, batchSize: 10, Seeds, split, start, options, onBadImage: onBadImage);
        List<long> indices = [];
        for (int i = 0; i < batches; i++)
        {
            using ImageBatch batch = loader.Next(TestContext.Current.CancellationToken);
            indices.AddRange(IndicesOf(batch));
        }

        return [.. indices];
    }

    // The last byte of an image is its index.
    private static IEnumerable<long> IndicesOf(ImageBatch batch) =>
        Enumerable.Range(0, (int)batch.Pixels.shape[0])
            .Select(i => (long)Math.Round((batch.Pixels[i, 2, 1, 2].item<float>() + 1) * 127.5f));
}
