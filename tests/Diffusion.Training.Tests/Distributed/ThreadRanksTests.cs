using Diffusion.TestKit;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Distributed;

public sealed class ThreadRanksTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void All_operations_give_what_they_promise_with_every_element_type(int worldSize) =>
        ThreadRanks.Run(worldSize, group => CollectiveCases.RunAll(group, count: 37));

    [Fact]
    public void Sums_are_the_same_bits_on_every_rank() =>
        ThreadRanks.Run(3, group => CollectiveCases.SumsAreTheSameBits(group, count: 1000));

    [Fact]
    public void A_different_operation_is_named_on_every_rank()
    {
        (_, Exception?[] each) = ThreadRanks.RunAll(3, group =>
        {
            using Tensor values = ones(4);
            group.Step = 7;
            group.AllReduce(values, group.Rank == 1 ? ReduceOperation.Max : ReduceOperation.Sum).Wait();
        });

        each.Should().AllSatisfy(error => error.Should().BeOfType<DistributedException>().Which.Message.Should()
            .Contain("AllReduce Sum of 4 float32").And.Contain("AllReduce Max of 4 float32"));
    }

    [Fact]
    public void An_exception_of_one_rank_ends_the_operations_of_the_others()
    {
        (Exception? first, Exception?[] each) = ThreadRanks.RunAll(3, group =>
        {
            if (group.Rank == 2)
            {
                throw new InvalidOperationException("broken");
            }

            group.Barrier();
        });

        first.Should().BeOfType<InvalidOperationException>();
        each[..2].Should().AllSatisfy(error => error.Should().BeOfType<DistributedException>());
    }

    [Fact]
    public void A_rank_that_leaves_early_is_named()
    {
        (Exception? first, _) = ThreadRanks.RunAll(2, group =>
        {
            if (group.Rank == 0)
            {
                group.Barrier();
            }
        });

        first.Should().BeOfType<DistributedException>().Which.Message.Should().StartWith("Rank 1 left the group after 0 operations");
    }

    [Fact]
    public void A_missing_rank_is_named_after_the_deadline()
    {
        using ManualResetEventSlim failed = new();
        (_, Exception?[] each) = ThreadRanks.RunAll(
            2,
            group =>
            {
                if (group.Rank == 1)
                {
                    failed.Wait(TestContext.Current.CancellationToken);
                    return;
                }

                try
                {
                    group.Barrier();
                }
                finally
                {
                    failed.Set();
                }
            },
            deadline: TimeSpan.FromMilliseconds(50));

        each[0].Should().BeOfType<DistributedException>().Which.Message.Should().Contain("Barrier").And.Contain("rank 1 did not start it");
    }
}
