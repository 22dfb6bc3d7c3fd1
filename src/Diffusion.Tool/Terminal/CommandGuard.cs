using Diffusion.Training;
using Microsoft.Extensions.Options;

namespace Diffusion.Tool.Terminal;

/// <summary>Runs a command and turns an exception into one line and an exit code.</summary>
internal static class CommandGuard
{
    /// <summary>Runs a command that ends by itself.</summary>
    public static int Run(ToolTerminal terminal, Func<int> command)
    {
        try
        {
            return command();
        }
        catch (Exception error) when (error is ToolUsageException or OptionsValidationException)
        {
            return Fail(terminal, error.Message, ExitCode.Usage);
        }
        catch (NativeBackendException) when (Environment.GetEnvironmentVariable(TorchBackend.FolderVariable) is null)
        {
            // The tool contains no libtorch, and an installed one is named by the variable.
            const string Missing = $"No libtorch was found: none is installed, and {TorchBackend.FolderVariable} is not set.";
            return Fail(terminal, $"{Missing} Run: diffusion doctor --install cpu", ExitCode.Failure);
        }
#pragma warning disable CA1031 // A user sees one line for any failure, never a stack trace.
        catch (Exception error)
        {
            return Fail(terminal, error.Message, ExitCode.Failure);
        }
#pragma warning restore CA1031
    }

    /// <summary>Runs a command that Ctrl+C and SIGTERM stop.</summary>
    public static int RunUntilStopped(ToolTerminal terminal, Func<StopSignals, int> command) => Run(terminal, () =>
    {
        using StopSignals signals = new();
        try
        {
            return command(signals);
        }
        catch (OperationCanceledException) when (signals.Token.IsCancellationRequested)
        {
            return signals.ExitCode;
        }
    });

    private static int Fail(ToolTerminal terminal, string message, int exitCode)
    {
        terminal.Errors.WriteLine($"error: {message.ReplaceLineEndings(" ")}");
        return exitCode;
    }
}
