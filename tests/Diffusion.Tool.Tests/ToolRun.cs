using Diffusion.Tool.Commands;
using Diffusion.Tool.Terminal;

namespace Diffusion.Tool.Tests;

/// <summary>One call of the tool in this process, as for output that goes to a file.</summary>
internal sealed record ToolRun(int ExitCode, string Output, string Errors)
{
    /// <summary>Calls the tool.</summary>
    public static ToolRun Of(params string[] args) => Of(isInteractive: false, args);

    /// <summary>Calls the tool as on a terminal if <paramref name="isInteractive"/> is true.</summary>
    public static ToolRun Of(bool isInteractive, params string[] args)
    {
        using StringWriter output = new();
        using StringWriter errors = new();
        int exitCode = ToolCommands.Run(args, new ToolTerminal(output, errors, isInteractive));
        return new ToolRun(exitCode, output.ToString(), errors.ToString());
    }

    /// <summary>Calls the tool and expects success.</summary>
    /// <returns>The output.</returns>
    public static string Succeed(params string[] args)
    {
        ToolRun run = Of(args);
        run.ExitCode.Should().Be(0, run.Output + run.Errors);
        run.Errors.Should().BeEmpty();
        return run.Output;
    }
}
