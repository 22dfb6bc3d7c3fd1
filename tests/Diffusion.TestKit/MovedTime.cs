namespace Diffusion.TestKit;

/// <summary>A clock that stands still unless a test moves it.</summary>
public sealed class MovedTime : TimeProvider
{
    private long ticks;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => Interlocked.Read(ref ticks);

    /// <summary>Moves it on.</summary>
    public void Move(TimeSpan by) => Interlocked.Add(ref ticks, by.Ticks);
}
