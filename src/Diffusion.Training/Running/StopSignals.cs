using System.Runtime.InteropServices;

namespace Diffusion.Training;

/// <summary>
/// Ctrl+C, SIGTERM and SIGHUP (a terminal or an SSH connection that closes), for programs that train: the first cancels
/// <see cref="Token"/>, so that the run saves and ends; the second ends the program at once. What a program is told to ignore, as
/// <c>nohup</c> does with SIGHUP, it keeps ignoring. One for a program, while it trains.
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

    /// <summary>Listens from now on.</summary>
    public StopSignals() =>
        registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, context => OnSignal(context, SignalBase + 2)),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => OnSignal(context, SignalBase + 15)),
            PosixSignalRegistration.Create(PosixSignal.SIGHUP, context => OnSignal(context, SignalBase + 1)),
        ];

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Token => source.Token;

    /// <summary>130 after Ctrl+C, 143 after SIGTERM, 129 after SIGHUP, as shells count them; 0 before any.</summary>
    public int ExitCode { get; private set; }

    /// <summary>Listens no more: the signals end the program again.</summary>
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
