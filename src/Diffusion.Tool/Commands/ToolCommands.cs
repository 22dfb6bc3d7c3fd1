using System.CommandLine;
using Diffusion.Tool.Terminal;

namespace Diffusion.Tool.Commands;

/// <summary>The commands of the tool.</summary>
internal static class ToolCommands
{
    /// <summary>Runs the command that the arguments name.</summary>
    /// <returns>The exit code.</returns>
    public static int Run(string[] args, ToolTerminal terminal)
    {
        RootCommand root = new("Trains diffusion models, samples images from them, and exchanges them with Python's diffusers.")
        {
            TrainCommand.Create(terminal), SampleCommand.Create(terminal), PlanCommand.Create(terminal), ReportCommand.Create(terminal),
            ViewCommand.Create(terminal), ExportCommand.Create(terminal), ImportCommand.Create(terminal), DataCommand.Create(terminal),
            DoctorCommand.Create(terminal), LaunchCommand.Create(terminal),
        };
        ParseResult parsed = root.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            string errors = string.Join(' ', parsed.Errors.Select(error => error.Message.ReplaceLineEndings(" ")));
            terminal.Errors.WriteLine($"error: {errors} See --help.");
            return ExitCode.Usage;
        }

        return parsed.Invoke(new InvocationConfiguration
        {
            Output = terminal.Output, Error = terminal.Errors, EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null,
        });
    }
}
