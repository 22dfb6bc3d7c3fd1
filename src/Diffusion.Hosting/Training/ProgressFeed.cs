using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Diffusion.Training;

namespace Diffusion.Hosting;

/// <summary>Passes the reports of a run to any number of readers. A slow reader misses reports, but never the newest.</summary>
internal sealed class ProgressFeed : IProgress<TrainingProgress>
{
    private readonly Lock gate = new();
    private readonly List<Channel<TrainingProgress>> readers = [];
    private TrainingProgress? latest;
    private bool hasEnded;

    /// <summary>The newest report; null before the first.</summary>
    public TrainingProgress? Latest
    {
        get
        {
            lock (gate)
            {
                return latest;
            }
        }
    }

    public void Report(TrainingProgress value)
    {
        lock (gate)
        {
            latest = value;
            readers.ForEach(reader => reader.Writer.TryWrite(value));
        }
    }

    /// <summary>Ends the feed: readers end after the newest report.</summary>
    public void End()
    {
        lock (gate)
        {
            hasEnded = true;
            readers.ForEach(reader => reader.Writer.TryComplete());
        }
    }

    /// <summary>Yields the newest report and those that follow, until the run ends.</summary>
    public async IAsyncEnumerable<TrainingProgress> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        Channel<TrainingProgress> reader = Channel.CreateBounded<TrainingProgress>(
            new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest });
        lock (gate)
        {
            readers.Add(reader);
            if (latest is { } report)
            {
                reader.Writer.TryWrite(report);
            }

            if (hasEnded)
            {
                reader.Writer.TryComplete();
            }
        }

        try
        {
            await foreach (TrainingProgress report in reader.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                yield return report;
            }
        }
        finally
        {
            lock (gate)
            {
                readers.Remove(reader);
            }
        }
    }
}
