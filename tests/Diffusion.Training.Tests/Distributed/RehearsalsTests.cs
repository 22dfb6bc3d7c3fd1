namespace Diffusion.Training.Tests.Distributed;

/// <summary>What the processes conclude from the backward passes in which they only look.</summary>
public sealed class RehearsalsTests
{
    private static readonly RehearsedBucket Good = new(Place: 0, HasChanged: false, HasGradients: true);

    [Fact]
    public void One_pass_is_enough_if_some_process_has_seen_gradients()
    {
        Rehearsals rehearsals = new(buckets: 2, minCount: 1, maxCount: 10);

        rehearsals.Add([[Good with { Place = 1, HasGradients = false }, Good], [Good with { Place = 1 }, Good]]);

        rehearsals.AreOver.Should().BeTrue();
        rehearsals.Order().Should().Equal(1, 0);
        rehearsals.IsLate(0).Should().BeFalse();
    }

    [Fact]
    public void A_second_use_of_a_weight_that_shows_only_after_an_update_is_seen()
    {
        Rehearsals rehearsals = new(buckets: 2, minCount: 2, maxCount: 10);

        rehearsals.Add([[Good, Good with { Place = 1 }]]);
        rehearsals.AreOver.Should().BeFalse();
        rehearsals.Add([[Good with { HasChanged = true }, Good with { Place = 1 }]]);

        rehearsals.AreOver.Should().BeTrue();
        (rehearsals.IsLate(0), rehearsals.IsLate(1), rehearsals.EarlyCount).Should().Be((true, false, 1));
    }

    [Fact]
    public void A_bucket_is_known_only_from_a_process_where_it_became_complete()
    {
        Rehearsals rehearsals = new(buckets: 1, minCount: 1, maxCount: 2);

        rehearsals.Add([[Good with { Place = -1 }], [Good with { HasGradients = false }]]);

        rehearsals.AreOver.Should().BeFalse();
    }

    [Fact]
    public void A_bucket_of_zeros_is_looked_at_again_and_what_was_late_once_stays_late()
    {
        Rehearsals rehearsals = new(buckets: 3, minCount: 1, maxCount: 10);
        RehearsedBucket zeros = Good with { HasGradients = false };

        rehearsals.Add([[zeros, Good with { Place = 1, HasChanged = true }, Good with { Place = 2 }]]);
        rehearsals.AreOver.Should().BeFalse();
        rehearsals.Add([[Good with { HasChanged = true }, Good with { Place = 1 }, Good with { Place = 2 }]]);

        rehearsals.AreOver.Should().BeTrue();
        Enumerable.Range(0, 3).Select(rehearsals.IsLate).Should().Equal(true, true, false);
        rehearsals.Order().Should().Equal(2, 0, 1);
    }

    [Fact]
    public void A_bucket_that_never_becomes_complete_is_not_waited_for()
    {
        Rehearsals rehearsals = new(buckets: 2, minCount: 1, maxCount: 10);

        rehearsals.Add([[new RehearsedBucket(-1, HasChanged: false, HasGradients: false), Good]]);

        rehearsals.AreOver.Should().BeTrue();
        rehearsals.Order().Should().Equal(1, 0);
    }

    [Fact]
    public void A_bucket_that_has_only_zeros_must_wait_after_the_last_pass()
    {
        Rehearsals rehearsals = new(buckets: 2, minCount: 1, maxCount: 3);

        for (int pass = 0; pass < 3; pass++)
        {
            rehearsals.AreOver.Should().BeFalse();
            rehearsals.Add([[Good with { HasGradients = false }, Good with { Place = 1 }]]);
        }

        rehearsals.AreOver.Should().BeTrue();
        (rehearsals.IsLate(0), rehearsals.IsLate(1)).Should().Be((true, false));
        rehearsals.Order().Should().Equal(1, 0);
    }

    [Fact]
    public void Buckets_are_sent_as_numbers()
    {
        RehearsedBucket[] buckets = [Good, new(-1, HasChanged: true, HasGradients: false)];

        RehearsedBucket.Read([.. buckets.SelectMany(bucket => bucket.ToNumbers())]).Should().Equal(buckets);
    }
}
