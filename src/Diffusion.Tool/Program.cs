using Diffusion.Tool.Backend;
using Diffusion.Tool.Commands;
using Diffusion.Tool.Terminal;

namespace Diffusion.Tool;

/// <summary>The command <c>diffusion</c>.</summary>
internal static class Program
{
    public static int Main(string[] args)
    {
#pragma warning disable RS0030 // A program writes to the console.
        ToolTerminal terminal = new(Console.Out, Console.Error, isInteractive: !Console.IsOutputRedirected);
#pragma warning restore RS0030
        InstalledLibtorch.Use();
        return ToolCommands.Run(args, terminal);
    }
}
