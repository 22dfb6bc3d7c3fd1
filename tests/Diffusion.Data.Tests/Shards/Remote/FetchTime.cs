namespace Diffusion.Data.Tests.Shards;

/// <summary>
/// A clock for fetches: delays between requests are recorded and elapse immediately, a stall ends when the test says so, and the clock
/// advances by a second each time it is read. Elapsed times only change when the test changes them.
/// </summary>
internal sealed class FetchTime : TimeProvider
{
    public static readonly TimeSpan Stall = TimeSpan.FromHours(1);

    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(50);

    private readonly Lock gate = new();
    private readonly List<StallTimer> running = [];
    private readonly List<TimeSpan> waits = [];
    private DateTimeOffset now = new(2020, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private bool due;

    /// <summary>The elapsed time.</summary>
    public TimeSpan Passed { get; set; }

    /// <summary>Whether delays between requests are part of the elapsed time.</summary>
    public bool CountsDelays { get; set; }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <summary>The recorded delays between requests.</summary>
    public IReadOnlyList<TimeSpan> Waits
    {
        get
        {
            lock (gate)
            {
                return [.. waits];
            }
        }
    }

    public override DateTimeOffset GetUtcNow()
    {
        lock (gate)
        {
            return now += TimeSpan.FromSeconds(1);
        }
    }

    public override long GetTimestamp() => Passed.Ticks;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        if (dueTime == Poll)
        {
            return base.CreateTimer(callback, state, dueTime, period);
        }

        if (dueTime == Stall)
        {
            StallTimer timer = new(this, () => callback(state));
            timer.Change(dueTime, period);
            return timer;
        }

        lock (gate)
        {
            waits.Add(dueTime);
            Passed += CountsDelays ? dueTime : TimeSpan.Zero;
        }

        return base.CreateTimer(callback, state, TimeSpan.Zero, period);
    }

    /// <summary>Ends the current timeout, or the next one.</summary>
    public void EndStall()
    {
        StallTimer? first;
        lock (gate)
        {
            first = running.FirstOrDefault();
            due = first is null;
        }

        first?.Fire();
    }

    private sealed class StallTimer(FetchTime time, Action callback) : ITimer
    {
        private bool isDisposed;

        // A token source that is canceled on one thread may still start its disposed timer on another.
        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            bool fire;
            lock (time.gate)
            {
                time.running.Remove(this);
                if (isDisposed)
                {
                    return false;
                }

                fire = dueTime == Stall && time.due;
                if (dueTime == Stall && !fire)
                {
                    time.running.Add(this);
                }

                time.due &= !fire;
            }

            if (fire)
            {
                callback();
            }

            return true;
        }

        public void Fire() => callback();

        public void Dispose()
        {
            lock (time.gate)
            {
                time.running.Remove(this);
                isDisposed = true;
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
