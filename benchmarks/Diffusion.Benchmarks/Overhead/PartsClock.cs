using System.Diagnostics;

namespace Diffusion.Benchmarks;

/// <summary>A clock that gives each stretch of time to a named part.</summary>
internal sealed class PartsClock
{
    private readonly List<string> order = [];
    private readonly Dictionary<string, TimeSpan> times = new(StringComparer.Ordinal);
    private long last;

    /// <summary>The parts in the order of their first end.</summary>
    public IEnumerable<(string Name, TimeSpan Time)> Parts => order.Select(name => (name, times[name]));

    public TimeSpan Total => Parts.Aggregate(TimeSpan.Zero, (sum, part) => sum + part.Time);

    public TimeSpan this[string part] => times.GetValueOrDefault(part);

    /// <summary>The first stretch begins.</summary>
    public void Start() => last = Stopwatch.GetTimestamp();

    /// <summary>A stretch ends, and the next begins.</summary>
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

    /// <summary>Forgets all.</summary>
    public void Reset()
    {
        order.Clear();
        times.Clear();
    }
}
