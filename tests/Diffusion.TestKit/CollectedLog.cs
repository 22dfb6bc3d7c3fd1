using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Diffusion.TestKit;

/// <summary>A log that collects its lines for a test.</summary>
public sealed class CollectedLog : ILogger
{
    private readonly ConcurrentQueue<string> lines = new();

    public IReadOnlyList<string> Lines => [.. lines];

    /// <summary>Called with each line.</summary>
    public Action<string> OnLine { get; init; } = _ => { };

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?,
        string> formatter)
    {
        ArgumentNullException.ThrowIfNull(formatter);
        string line = formatter(state, exception);
        lines.Enqueue(line);
        OnLine(line);
    }
}
