namespace Diffusion.TestKit;

/// <summary>A clock that stands still unless a test moves it.</summary>
/// <param name="stride">How far it advances at each reading; zero by default.</param>
public sealed class MovedTime(TimeSpan stride = default) : TimeProvider
{
    private long ticks;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => Interlocked.Add(ref ticks, stride.Ticks);

    /// <summary>Advances the clock.</summary>
    public void Move(TimeSpan by) => Interlocked.Add(ref ticks, by.Ticks);
}
