using System.CommandLine;
using Diffusion.Tool.Terminal;
using Diffusion.Tool.Viewing;
using Diffusion.Training;

namespace Diffusion.Tool.Commands;

/// <summary><c>diffusion view</c>: serves the pages of runs on this computer.</summary>
internal static class ViewCommand
{
    private const int DefaultPort = 6464;

    public static Command Create(ToolTerminal terminal)
    {
        Argument<string> folder = new("folder") { Description = "A run folder, or a folder of runs.", DefaultValueFactory = _ => "runs" };
        Option<int> port = new("--port")
        {
            Description = "The port, or 0 for any free one.", DefaultValueFactory = _ => DefaultPort,
        };
        Command command = new("view", "Shows runs side by side in the browser, live. Only this computer can open the pages.")
        {
            folder, port,
        };
        command.SetAction(result => CommandGuard.RunUntilStopped(
            terminal, signals => Execute(result.GetValue(folder)!, result.GetValue(port), terminal, signals)));
        return command;
    }

    private static int Execute(string folder, int port, ToolTerminal terminal, StopSignals signals)
    {
        if (port is < 0 or > ushort.MaxValue)
        {
            throw new ToolUsageException($"--port is {port}, but must be 0 to {ushort.MaxValue}. Leave it out for {DefaultPort}.");
        }

        using ViewServer server = ViewServer.Start(RunList.Open(folder), port);
        terminal.Line($"{server.Address} shows the runs in {folder}. Ctrl+C ends it.");
        signals.Token.WaitHandle.WaitOne();
        return signals.ExitCode;
    }
}
