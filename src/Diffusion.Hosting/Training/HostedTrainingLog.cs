using Microsoft.Extensions.Logging;

namespace Diffusion.Hosting;

/// <summary>The log messages of a hosted run.</summary>
internal static partial class HostedTrainingLog
{
    private static readonly Func<ILogger, string, IDisposable?> RunScope = LoggerMessage.DefineScope<string>("run {Run}");

    /// <summary>Begins the scope of the messages of a run.</summary>
    public static IDisposable? BeginRun(ILogger logger, string run) => RunScope(logger, run);

    [LoggerMessage(1, LogLevel.Error, "Training '{Name}' failed")]
    public static partial void Failed(ILogger logger, Exception error, string name);

    [LoggerMessage(2, LogLevel.Warning,
        "Training '{Name}' had not ended when the wait for its end was canceled. If the host is shutting down, the next start resumes "
            + "from the last checkpoint; raise HostOptions.ShutdownTimeout if a step and a save take longer.")]
    public static partial void NotEnded(ILogger logger, string name);
}
