using Microsoft.Extensions.Logging;

namespace Diffusion.Hosting;

/// <summary>The log messages of a hosted run.</summary>
internal static partial class HostedTrainingLog
{
    [LoggerMessage(1, LogLevel.Error, "Training '{Name}' failed")]
    public static partial void Failed(ILogger logger, Exception error, string name);

    [LoggerMessage(2, LogLevel.Warning,
        "Training '{Name}' did not end within the shutdown limit of the host; the next start resumes from its last checkpoint. Raise "
            + "HostOptions.ShutdownTimeout if a step and a save take longer.")]
    public static partial void NotEnded(ILogger logger, string name);
}
