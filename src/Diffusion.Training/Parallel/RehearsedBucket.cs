namespace Diffusion.Training;

/// <summary>What one process has seen of a bucket in a rehearsal of <see cref="GradientReducer"/>.</summary>
/// <param name="Place">The bucket's place in the order of completion; below 0 if it did not become complete.</param>
/// <param name="HasChanged">Whether it changed after it seemed complete.</param>
/// <param name="HasGradients">Whether all of its parameters have gradients other than zeros.</param>
internal readonly record struct RehearsedBucket(long Place, bool HasChanged, bool HasGradients)
{
    private const int Numbers = 3;

    /// <summary>Reads the buckets of a process.</summary>
    /// <param name="numbers">The numbers of all buckets.</param>
    public static RehearsedBucket[] Read(long[] numbers) =>
        [.. numbers.Chunk(Numbers).Select(one => new RehearsedBucket(one[0], one[1] != 0, one[2] != 0))];

    /// <summary>The numbers to send.</summary>
    public long[] ToNumbers() => [Place, HasChanged ? 1 : 0, HasGradients ? 1 : 0];
}
