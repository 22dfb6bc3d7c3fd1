using Markdig.Syntax;

namespace Diffusion.EndToEnd.Tests.Documents;

/// <summary>The parts of the README that a new user copies.</summary>
internal static class Readme
{
    private static readonly MarkdownFile File = new(Path.Combine(BuildFacts.Repository, "README.md"));

    /// <summary>The commands that add the packages.</summary>
    public static IReadOnlyList<string> AddCommands { get; } =
    [
        .. File.Document.Descendants<FencedCodeBlock>().Where(block => block.Info == "bash")
            .SelectMany(block => block.Lines.ToString().Split('\n'))
                .Where(line => line.StartsWith("dotnet add package", StringComparison.Ordinal)),
    ];

    /// <summary>The program.</summary>
    public static string Program { get; } = Snippet.Of(File).Single(snippet => snippet.IsProgram).Code;
}
