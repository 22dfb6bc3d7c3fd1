using System.CommandLine;
using Diffusion.Tool.RunFiles;
using Diffusion.Tool.Terminal;

namespace Diffusion.Tool.Commands;

/// <summary>The arguments of every command that reads a run file.</summary>
internal sealed class RunFileArguments
{
    public Argument<string> File { get; } = new("run-file") { Description = "The run file: .json, .yaml or .yml." };

    public Option<string[]> Set { get; } = new("--set")
    {
        Description = "Replaces a value of the run file, such as training.steps=1000. May be repeated.", DefaultValueFactory = _ => [],
    };

    public Option<string?> Out { get; } = new("--out") { Description = "The run folder. Default: the run file's, or runs/ and its name." };

    /// <summary>Adds the arguments to a command.</summary>
    public void AddTo(Command command)
    {
        command.Arguments.Add(File);
        command.Options.Add(Set);
        command.Options.Add(Out);
    }

    /// <summary>Reads the run file.</summary>
    /// <exception cref="ToolUsageException">It is wrong.</exception>
    public RunFile Read(ParseResult result) =>
        RunFileReader.Read(result.GetValue(File)!, result.GetValue(Set)!, result.GetValue(Out));

    /// <summary>The arguments that give another process the same run.</summary>
    public IEnumerable<string> Repeat(ParseResult result)
    {
        string? folder = result.GetValue(Out);
        return
        [
            result.GetValue(File)!, .. result.GetValue(Set)!.SelectMany(setting => new[] { "--set", setting }),
            .. folder is null ? Array.Empty<string>() : ["--out", folder],
        ];
    }
}
