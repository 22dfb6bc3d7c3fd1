namespace Diffusion.Training;

/// <summary>
/// What all processes know of the buckets after the rehearsals of <see cref="GradientReducer"/>, the same on each: the order in which
/// buckets become complete, and which ones must wait for the end of the backward pass.
/// </summary>
/// <param name="buckets">The number of buckets.</param>
/// <param name="minCount">
/// So many rehearsals at least: a part of the network that begins with zeros gives its second use of a weight a gradient only after the
/// first update.
/// </param>
/// <param name="maxCount">After so many rehearsals, buckets of which nothing is known must wait.</param>
internal sealed class Rehearsals(int buckets, int minCount, int maxCount)
{
    private readonly long[] places = new long[buckets];
    private readonly bool[] isComplete = new bool[buckets];
    private readonly bool[] isKnown = new bool[buckets];
    private readonly bool[] isLate = new bool[buckets];
    private int count;

    /// <summary>Whether everything is known that can be.</summary>
    public bool AreOver { get; private set; }

    /// <summary>Whether a bucket must wait for the end of the backward pass.</summary>
    public bool IsLate(int bucket) => isLate[bucket];

    /// <summary>How many buckets need not wait for the end of the backward pass.</summary>
    public int EarlyCount => Enumerable.Range(0, buckets).Count(bucket => isComplete[bucket] && !isLate[bucket]);

    /// <summary>Adds a rehearsal.</summary>
    /// <param name="ranks">What each process has seen of each bucket.</param>
    public void Add(IReadOnlyList<RehearsedBucket[]> ranks)
    {
        count++;
        for (int bucket = 0; bucket < buckets; bucket++)
        {
            RehearsedBucket[] seen = [.. ranks.Select(rank => rank[bucket])];
            places[bucket] = seen[0].Place;
            isComplete[bucket] |= seen.Any(one => one.Place >= 0);
            isLate[bucket] |= seen.Any(one => one.HasChanged);
            isKnown[bucket] |= seen.Any(one => one.Place >= 0 && one.HasGradients);
        }

        int[] open = [.. Enumerable.Range(0, buckets).Where(bucket => isComplete[bucket] && !isKnown[bucket] && !isLate[bucket])];
        AreOver = count >= minCount && (open.Length == 0 || count >= maxCount);
        if (AreOver)
        {
            Array.ForEach(open, bucket => isLate[bucket] = true);
        }
    }

    /// <summary>The order of the buckets: as they become complete on rank 0, and then those that must wait.</summary>
    public IEnumerable<int> Order() => Enumerable.Range(0, buckets)
        .OrderBy(bucket => isLate[bucket] || places[bucket] < 0 ? long.MaxValue : places[bucket]);
}
