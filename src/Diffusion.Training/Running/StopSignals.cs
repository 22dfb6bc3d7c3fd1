using System.Runtime.InteropServices;

namespace Diffusion.Training;

/// <summary>
/// Handles Ctrl+C, SIGTERM and SIGHUP (a terminal or an SSH connection closes) in programs that train. The first signal cancels
/// <see cref="Token"/>, so that the run saves and ends; the second ends the program at once. Signals that the program was started to
/// ignore, such as SIGHUP with <c>nohup</c>, stay ignored. Create one instance per program, for the time of training.
/// </summary>
/// <example>
/// <code>
/// using StopSignals signals = new();
/// trainer.Run(signals.Token);
/// return signals.ExitCode;
/// </code>
/// </example>
public sealed class StopSignals : IDisposable
{
    private const int SignalBase = 128;

    private readonly CancellationTokenSource source = new();
    private readonly PosixSignalRegistration[] registrations;

    /// <summary>Starts to handle the signals.</summary>
    public StopSignals() =>
        registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, context => OnSignal(context, SignalBase + 2)),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => OnSignal(context, SignalBase + 15)),
            PosixSignalRegistration.Create(PosixSignal.SIGHUP, context => OnSignal(context, SignalBase + 1)),
        ];

    /// <summary>A token that the first signal cancels.</summary>
    public CancellationToken Token => source.Token;

    /// <summary>
    /// The exit code by the convention of shells: 130 after Ctrl+C, 143 after SIGTERM, 129 after SIGHUP; 0 before any signal.
    /// </summary>
    public int ExitCode { get; private set; }

    /// <summary>Stops handling the signals, which then end the program again.</summary>
    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in registrations)
        {
            registration.Dispose();
        }

        source.Dispose();
    }

    private void OnSignal(PosixSignalContext context, int exitCode)
    {
        if (!source.IsCancellationRequested)
        {
            context.Cancel = true;
            ExitCode = exitCode;
            source.Cancel();
        }
    }
}
