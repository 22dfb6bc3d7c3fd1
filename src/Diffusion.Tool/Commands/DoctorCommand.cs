using System.CommandLine;
using Diffusion.Tool.Backend;
using Diffusion.Tool.Terminal;

namespace Diffusion.Tool.Commands;

/// <summary><c>diffusion doctor</c>: says which libtorch is used and what it can use, or installs one.</summary>
internal static class DoctorCommand
{
    public static Command Create(ToolTerminal terminal)
    {
        Option<string?> install = new("--install")
        {
            Description = "Downloads libtorch into the user's folder: cpu, or cuda for NVIDIA's GPUs (Linux and Windows x64, several GB).",
        };
        install.AcceptOnlyFromAmong(InstalledLibtorch.Cpu, InstalledLibtorch.Cuda);
        Command command = new("doctor", "Says which libtorch, devices and memory the tool uses.") { install };
        command.SetAction(result => CommandGuard.Run(terminal, () =>
        {
            if (result.GetValue(install) is { } build)
            {
                Install(build, terminal);
                InstalledLibtorch.Use();
            }

            return BackendReport.Print(terminal);
        }));
        return command;
    }

    private static void Install(string build, ToolTerminal terminal)
    {
        if (build == InstalledLibtorch.Cuda)
        {
            LibtorchDownload.Cuda(terminal, InstalledLibtorch.Platform);
        }
        else
        {
            LibtorchDownload.Cpu(terminal);
        }
    }
}
