using System.Diagnostics;

namespace Diffusion.Benchmarks;

/// <summary>A clock that assigns each interval to a named part.</summary>
internal sealed class PartsClock
{
    private readonly List<string> order = [];
    private readonly Dictionary<string, TimeSpan> times = new(StringComparer.Ordinal);
    private long last;

    /// <summary>The parts, in the order in which they first ended.</summary>
    public IEnumerable<(string Name, TimeSpan Time)> Parts => order.Select(name => (name, times[name]));

    public TimeSpan Total => Parts.Aggregate(TimeSpan.Zero, (sum, part) => sum + part.Time);

    public TimeSpan this[string part] => times.GetValueOrDefault(part);

    /// <summary>Starts the first interval.</summary>
    public void Start() => last = Stopwatch.GetTimestamp();

    /// <summary>Ends an interval and starts the next.</summary>
    public void End(string part)
    {
        long now = Stopwatch.GetTimestamp();
        if (!times.ContainsKey(part))
        {
            order.Add(part);
        }

        times[part] = this[part] + Stopwatch.GetElapsedTime(last, now);
        last = now;
    }

    /// <summary>Clears all times.</summary>
    public void Reset()
    {
        order.Clear();
        times.Clear();
    }
}
