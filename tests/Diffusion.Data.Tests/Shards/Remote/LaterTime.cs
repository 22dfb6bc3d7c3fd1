namespace Diffusion.Data.Tests.Shards;

/// <summary>A clock that is ahead, so that files that were written just now are old enough to be believed.</summary>
internal sealed class LaterTime(TimeSpan by) : TimeProvider
{
    public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + by;
}
