namespace Diffusion.Data.Tests;

public sealed class ExtendedOrderTests
{
    [Fact]
    public void Each_epoch_reads_every_image_of_its_segment_once_and_no_two_epochs_are_equal()
    {
        SeedStream seeds = new(5);
        SampleOrder first = new(seeds, 10);
        ExtendedOrder order = new([(0, first), (20, new SampleOrder(seeds, 14)), (34, new SampleOrder(seeds, 30))]);

        long[] Epoch(long begin, int length) => [.. Enumerable.Range(0, length).Select(place => order.IndexAt(begin + place))];
        long[][] epochs = [Epoch(0, 10), Epoch(10, 10), Epoch(20, 14), Epoch(34, 30), Epoch(64, 30)];
        epochs.Should().AllSatisfy(epoch => epoch.Order().Should().Equal(Enumerable.Range(0, epoch.Length).Select(i => (long)i)));
        epochs.Select(epoch => string.Join(' ', epoch.Where(index => index < 10))).Should().OnlyHaveUniqueItems();
        Epoch(0, 20).Should().Equal(Enumerable.Range(0, 20).Select(place => first.IndexAt(place)));
        order.EpochLength.Should().Be(10);
    }

    [Fact]
    public void A_segment_continues_the_epoch_numbers_of_earlier_segments()
    {
        SeedStream seeds = new(5);
        SampleOrder small = new(seeds, 6);
        SampleOrder large = new(seeds, 9);
        ExtendedOrder order = new([(0, small), (18, large)]);
        Enumerable.Range(18, 30).Select(place => order.IndexAt(place)).Should()
            .Equal(Enumerable.Range(27, 30).Select(place => large.IndexAt(place)));
    }
}
