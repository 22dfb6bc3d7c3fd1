using System.Buffers;

namespace Diffusion.Data;

/// <summary>The images of many shards with a common index. Only a limited number of shards is open at a time.</summary>
internal sealed class ShardFiles : IEncodedImages
{
    private const int MaxImage = 1 << 30;

    private readonly IReadOnlyList<string> names;
    private readonly IReadOnlyList<ShardFinding> findings;
    private readonly ShardStore store;
    private readonly OpenShards open;
    private readonly long[] starts;

    public ShardFiles(
        ShardSurvey survey, ShardStore store, int? classCount, string description, ImageSourceReport report, TimeProvider time)
    {
        names = survey.Names;
        findings = survey.Findings;
        this.store = store;
        open = new OpenShards(Open, time);
        GroupSizes = [.. findings.Select(shard => shard.Count)];
        ClassCount = classCount;
        Description = description;
        Report = report;
        starts = new long[GroupSizes.Count + 1];
        for (int shard = 0; shard < GroupSizes.Count; shard++)
        {
            starts[shard + 1] = starts[shard] + GroupSizes[shard];
        }
    }

    public long Count => starts[^1];

    public int? ClassCount { get; }

    public string Description { get; }

    public ImageSourceReport Report { get; }

    public IReadOnlyList<long> GroupSizes { get; }

    public long LabelOf(long index)
    {
        SourceGuard.Index(index, Count);
        return ClassCount is null ? throw SourceGuard.NoLabels() : Use(index, (_, pick) => pick.Label, CancellationToken.None);
    }

    public string NameOf(long index)
    {
        int shard = ShardOf(index);
        try
        {
            string name = RemoteAddress.Shown(names[shard]);
            return Use(
                index, (_, pick) =>
                    $"{name}, sample {pick.Key}{(pick.Offset < 0 ? string.Empty : $", byte {pick.Offset}")}", CancellationToken.None);
        }
        catch (Exception problem) when (problem is ImageDataException or IOException or UnauthorizedAccessException)
        {
            return $"{RemoteAddress.Shown(names[shard])}, sample number {index - starts[shard]}";
        }
    }

    public void Read(long index, IBufferWriter<byte> destination, CancellationToken cancellationToken)
    {
        SourceGuard.Index(index, Count);
        Use(index, (shard, pick) =>
        {
            if (pick.Problem is { } problem)
            {
                throw new ImageDataException(string.Empty, problem);
            }

            if (pick.Size > MaxImage)
            {
                throw new ImageDataException(string.Empty,
                    $"the image has {pick.Size} bytes, more than the maximum of {MaxImage} for an image file.");
            }

            Span<byte> bytes = destination.GetSpan((int)Math.Max(pick.Size, 1))[..(int)pick.Size];
            destination.Advance(shard.Read(bytes, pick.Offset, cancellationToken));
            return true;
        }, cancellationToken);
    }

    public void Announce(ReadOnlySpan<long> indices, CancellationToken cancellationToken)
    {
        foreach (long index in indices)
        {
            if (!RemoteShards.IsRemote(names[ShardOf(index)]))
            {
                continue;
            }

            try
            {
                Use(index, (shard, pick) =>
                {
                    shard.Announce(pick);
                    return true;
                }, cancellationToken);
            }
            catch (Exception problem) when (problem is ImageDataException or IOException or UnauthorizedAccessException)
            {
                // The error is reported when the image is read.
            }
        }
    }

    public void Dispose()
    {
        open.Dispose();
        store.Dispose();
    }

    private Shard Open(int number, CancellationToken cancellationToken)
    {
        Shard shard = store.Open(names[number], isForReading: true, cancellationToken);
        if (shard.Digest == findings[number].Digest && shard.Picks.Count == findings[number].Count)
        {
            return shard;
        }

        int count = shard.Picks.Count;
        shard.Dispose();
        throw new ImageDataException(
            RemoteAddress.Shown(names[number]), "its keys, labels or positions have changed since the shards were opened"
            + (count == findings[number].Count ? ". " : $": {count} samples are selected instead of {findings[number].Count}. ")
            + "Do not change the shards while they are open, and make sure that Where always returns the same value.");
    }

    private int ShardOf(long index)
    {
        int place = Array.BinarySearch(starts, index);
        place = place < 0 ? ~place - 1 : place;
        while (starts[place + 1] == index)
        {
            place++; // skip shards without images
        }

        return place;
    }

    private T Use<T>(long index, Func<Shard, ShardPick, T> use, CancellationToken cancellationToken)
    {
        int number = ShardOf(index);
        return open.Use(number, shard => use(shard, shard.Picks[(int)(index - starts[number])]), cancellationToken);
    }
}
