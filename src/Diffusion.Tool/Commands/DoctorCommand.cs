using System.CommandLine;
using Diffusion.Tool.Backend;
using Diffusion.Tool.Terminal;

namespace Diffusion.Tool.Commands;

/// <summary><c>diffusion doctor</c>: says which libtorch is used and what it can use, or installs one.</summary>
internal static class DoctorCommand
{
    public static Command Create(ToolTerminal terminal)
    {
        Option<string?> install = new("--install") { Description = "Downloads libtorch for CPUs into the user's folder: cpu." };
        install.AcceptOnlyFromAmong("cpu");
        Command command = new("doctor", "Says which libtorch, devices and memory the tool uses.") { install };
        command.SetAction(result => CommandGuard.Run(terminal, () =>
        {
            if (result.GetValue(install) is not null)
            {
                LibtorchDownload.Run(terminal);
                InstalledLibtorch.Use();
            }

            return BackendReport.Print(terminal);
        }));
        return command;
    }
}
