using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Distributed;

public sealed class RankRegistryTests
{
    private static readonly CollectiveCall Sum = new(CollectiveKind.AllReduce, ScalarType.Float32, 10);
    private readonly RankRegistry registry = new(worldSize: 3, maxSilence: TimeSpan.FromSeconds(7));

    [Fact]
    public void The_same_operations_in_any_interleaving_are_fine()
    {
        string?[] found =
        [
            registry.Started(0, 0, 1, Sum), registry.Started(0, 1, 1, CollectiveCall.Barrier), registry.Started(2, 0, 1, Sum),
            registry.Started(1, 0, 1, Sum), registry.Started(1, 1, 1, CollectiveCall.Barrier),
            registry.Started(2, 1, 1, CollectiveCall.Barrier), registry.Left(2), registry.Left(0), registry.Left(1),
        ];

        found.Should().AllSatisfy(problem => problem.Should().BeNull());
        registry.AllLeft.Should().BeTrue();
    }

    [Fact]
    public void Different_operations_element_counts_and_types_are_named()
    {
        registry.Started(0, 0, 4, Sum).Should().BeNull();

        registry.Started(1, 0, 5, Sum with { Count = 11 }).Should().StartWith(
            "Operation 0 is AllReduce Sum of 10 float32 on rank 0 at step 4, but AllReduce Sum of 11 float32 on rank 1 at step 5.");
        registry.Started(2, 0, 4, Sum with { Type = ScalarType.BFloat16 }).Should().Contain("AllReduce Sum of 10 bfloat16 on rank 2");
    }

    [Fact]
    public void A_rank_that_leaves_while_another_waits_for_it_is_named()
    {
        registry.Left(1).Should().BeNull();

        registry.Started(0, 0, 4, Sum).Should().StartWith("Rank 1 left the group").And.Contain("rank 0 waits for it in AllReduce Sum");
    }

    [Fact]
    public void A_silent_rank_is_named_unless_this_process_did_not_run_itself()
    {
        registry.ForgiveSilence(1000);
        registry.Heard(1, 9000);

        registry.Silent(8000).Should().BeNull();
        registry.Silent(8001).Should().StartWith("Rank 2 has sent no heartbeat for 7.0 s");
        registry.ForgiveSilence(9000);
        registry.Silent(9001).Should().BeNull();
    }

    [Fact]
    public void A_rank_that_is_lost_is_named_unless_it_has_left()
    {
        registry.ForgiveSilence(1000);
        registry.Left(1).Should().BeNull();

        registry.Lost(1).Should().BeNull();
        registry.Lost(2).Should().StartWith("The process of rank 2 ended.");
        registry.Silent(9000).Should().BeNull("nothing more is expected of either");
        registry.Started(0, 0, 4, Sum).Should().StartWith("Rank 1 left the group");
    }

    [Fact]
    public void A_late_operation_names_those_that_have_not_started_it()
    {
        registry.Started(0, 0, 4, Sum);
        registry.Started(2, 0, 4, Sum);

        registry.Late(2, 0, 4).Should().Be(
            "AllReduce Sum of 10 float32 (operation 0) did not finish before its deadline on rank 2 at step 4. Not started by rank 1 "
            + "at step 0 after 0 operations.");
    }
}
