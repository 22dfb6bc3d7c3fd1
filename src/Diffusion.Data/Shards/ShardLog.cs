using Microsoft.Extensions.Logging;

namespace Diffusion.Data;

/// <summary>What is logged about shards.</summary>
internal static partial class ShardLog
{
    [LoggerMessage(Level = LogLevel.Warning,
        Message = "{Shard}: its local copy is used, although the server could not be asked whether it has changed: {Problem}")]
    public static partial void UsedWithoutServer(ILogger logger, string shard, string problem);
}
