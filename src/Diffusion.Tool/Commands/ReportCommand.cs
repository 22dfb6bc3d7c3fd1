using System.CommandLine;
using Diffusion.Reporting;
using Diffusion.Tool.Terminal;

namespace Diffusion.Tool.Commands;

/// <summary><c>diffusion report</c>: writes the page of a run.</summary>
internal static class ReportCommand
{
    public static Command Create(ToolTerminal terminal)
    {
        Argument<string> run = new("run") { Description = "A run folder. The run may still be training." };
        Option<string?> path = new("--out") { Description = "The HTML file to write. Default: report.html in the run folder." };
        Command command = new("report", "Writes the page of a run: one HTML file with samples, plots, findings and data.") { run, path };
        command.SetAction(result => CommandGuard.Run(terminal, () =>
        {
            terminal.Line(RunReport.Save(result.GetValue(run)!, result.GetValue(path)));
            return ExitCode.Success;
        }));
        return command;
    }
}
