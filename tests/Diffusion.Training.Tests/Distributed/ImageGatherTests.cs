using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Distributed;

/// <summary>Images that several processes have, put together on rank 0.</summary>
public sealed class ImageGatherTests
{
    [Theory]
    [InlineData(1, 5)]
    [InlineData(2, 5)]
    [InlineData(3, 2)]
    [InlineData(4, 11)]
    public void Shares_cover_all_images_in_order_and_differ_by_one_at_most(int world, int count) => ThreadRanks.Run(world, group =>
    {
        ImageGather gather = new(group, CPU);
        (int First, int Count)[] shares = [.. Enumerable.Range(0, world).Select(rank => gather.ShareOf(rank, count))];

        shares.SelectMany(share => Enumerable.Range(share.First, share.Count)).Should().Equal(Enumerable.Range(0, count));
        (shares.Max(share => share.Count) - shares.Min(share => share.Count)).Should().BeLessThanOrEqualTo(1);
        shares[0].Count.Should().Be(shares.Max(share => share.Count));
    });

    [Theory]
    [InlineData(2, 5, 4)]
    [InlineData(4, 3, 4)]
    [InlineData(2, 7, 800)] // one image is a piece
    [InlineData(3, 16, 700)] // two images are a piece
    public void Rank_0_gets_all_images_and_no_other_rank_has_any(int world, int count, int size)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor images = arange(count * 2L * size).to(ScalarType.Float32).view(count, 1, 2, size)
            .repeat_interleave(size / 2, 2); // [N, 1, size, size]
        Tensor?[] gathered = new Tensor?[world];

        ThreadRanks.Run(world, group =>
        {
            ImageGather gather = new(group, CPU);
            (int first, int held) = gather.ShareOf(group.Rank, count);
            using Tensor? own = held == 0 ? null : images.narrow(0, first, held);
            long before = LiveTensors.Count;

            gathered[group.Rank] = gather.Collect(own, count, ImageShape.Square(size, channels: 1));

            (LiveTensors.Count - before).Should().Be(group.Rank == 0 ? 1 : 0);
        });

        gathered[0]!.SameBits(images).Should().BeTrue();
        Array.TrueForAll(gathered[1..], tensor => tensor is null).Should().BeTrue();
        gathered[0]!.Dispose();
    }
}
