namespace Diffusion.Data.Tests.Shards;

/// <summary>A clock that is ahead, so that files that were just written are old enough to be trusted.</summary>
internal sealed class LaterTime(TimeSpan by) : TimeProvider
{
    public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + by;
}
