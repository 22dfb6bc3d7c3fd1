using Microsoft.Extensions.Logging;

namespace Diffusion.Data;

/// <summary>What is logged about shards.</summary>
internal static partial class ShardLog
{
    [LoggerMessage(Level = LogLevel.Warning,
        Message = "{Shard}: using the local copy, because the server could not be reached to check for changes: {Problem}")]
    public static partial void UsedWithoutServer(ILogger logger, string shard, string problem);
}
