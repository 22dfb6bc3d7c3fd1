using Microsoft.Extensions.Logging;

namespace Diffusion.Hosting;

/// <summary>The log messages of a hosted sampler.</summary>
internal static partial class HostedSamplerLog
{
    [LoggerMessage(1, LogLevel.Warning,
        "Sampler '{Name}' did not end within the shutdown limit of the host; its requests are canceled. Raise HostOptions.ShutdownTimeout "
            + "if a step of the network, or opening the model, takes longer.")]
    public static partial void NotEnded(ILogger logger, string name);
}
