namespace Diffusion.Hosting;

/// <summary>The requests that wait for a pass, in the order in which they came.</summary>
/// <param name="metrics">Receives the changes of the length, outside of the lock: listeners are code of the application.</param>
internal sealed class SamplerQueue(SamplerMetrics metrics)
{
    private readonly object gate = new();
    private readonly LinkedList<SamplerJob> jobs = [];
    private bool isClosed;

    /// <summary>How many requests wait.</summary>
    public int Count
    {
        get
        {
            lock (gate)
            {
                return jobs.Count;
            }
        }
    }

    /// <summary>Adds a request, unless the queue is full or closed.</summary>
    /// <param name="job">The request.</param>
    /// <param name="capacity">How many may wait.</param>
    public SamplerQueueAnswer Add(SamplerJob job, int capacity)
    {
        lock (gate)
        {
            if (isClosed)
            {
                return SamplerQueueAnswer.Closed;
            }

            if (jobs.Count >= capacity)
            {
                return SamplerQueueAnswer.Full;
            }

            job.CopyTensors();
            jobs.AddLast(job);
            Monitor.Pulse(gate);
        }

        metrics.Waiting(1);
        return SamplerQueueAnswer.Added;
    }

    /// <summary>Removes a request; returns false if it does not wait.</summary>
    public bool Remove(SamplerJob job)
    {
        bool isRemoved;
        lock (gate)
        {
            isRemoved = jobs.Remove(job);
        }

        if (isRemoved)
        {
            metrics.Waiting(-1);
        }

        return isRemoved;
    }

    /// <summary>Waits for a request; returns false if the queue is closed and empty.</summary>
    public bool Wait()
    {
        lock (gate)
        {
            while (jobs.Count == 0 && !isClosed)
            {
                Monitor.Wait(gate);
            }

            return jobs.Count > 0;
        }
    }

    /// <summary>
    /// Takes the requests of a pass: the first, and those after it that have its options and fit into its batch. Empty if none waits.
    /// </summary>
    public IReadOnlyList<SamplerJob> TakePass() => Take(pass => jobs.First?.Value is { } next
        && (pass.Count == 0
            || (next.Options == pass[0].Options && pass.Append(next).Sum(job => job.ImageCount) <= next.Options.MaxBatchSize)));

    /// <summary>Refuses further requests.</summary>
    public void Close()
    {
        lock (gate)
        {
            isClosed = true;
            Monitor.Pulse(gate);
        }
    }

    /// <summary>Takes all requests.</summary>
    public IReadOnlyList<SamplerJob> TakeAll() => Take(_ => jobs.Count > 0);

    private List<SamplerJob> Take(Func<List<SamplerJob>, bool> takesNext)
    {
        List<SamplerJob> taken = [];
        lock (gate)
        {
            while (takesNext(taken))
            {
                taken.Add(jobs.First!.Value);
                jobs.RemoveFirst();
            }
        }

        metrics.Waiting(-taken.Count);
        return taken;
    }
}
