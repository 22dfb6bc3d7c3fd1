using Markdig;
using Markdig.Extensions.AutoIdentifiers;
using Markdig.Renderers.Html;
using Markdig.Syntax;
using Markdig.Syntax.Inlines;

namespace Diffusion.EndToEnd.Tests.Documents;

/// <summary>One of the repository's markdown files.</summary>
internal sealed class MarkdownFile
{
    private static readonly MarkdownPipeline Pipeline =
        new MarkdownPipelineBuilder().UseAutoIdentifiers(AutoIdentifierOptions.GitHub).UsePipeTables().Build();

    public MarkdownFile(string path)
    {
        Path = path;
        Document = Markdown.Parse(File.ReadAllText(path), Pipeline);
    }

    /// <summary>All markdown files of a clone, without the output of builds.</summary>
    public static IEnumerable<MarkdownFile> All =>
        Directory.EnumerateFiles(BuildFacts.Repository, "*.md", new EnumerationOptions { RecurseSubdirectories = true })
            .Where(path => !Relative(path).Split('/').Any(part => part is "bin" or "obj" or "artifacts" or "runs" || part.StartsWith('.')))
            .Order(StringComparer.Ordinal)
            .Select(path => new MarkdownFile(path));

    public string Path { get; }

    /// <summary>The path relative to the repository, with slashes.</summary>
    public string Name => Relative(Path);

    public MarkdownDocument Document { get; }

    /// <summary>The target and the line of each link and image.</summary>
    public IEnumerable<(string Target, int Line)> Links =>
        Document.Descendants<LinkInline>().Where(link => link.Url is not null).Select(link => (link.Url!, link.Line + 1));

    /// <summary>Every piece of raw HTML, with its line.</summary>
    public IEnumerable<(string Text, int Line)> Html =>
        Document.Descendants<HtmlBlock>().Select(block => (block.Lines.ToString(), block.Line + 1))
            .Concat(Document.Descendants<HtmlInline>().Select(inline => (inline.Tag, inline.Line + 1)));

    /// <summary>The anchors that a link to this file can use after #.</summary>
    public IEnumerable<string> Anchors =>
        Document.Descendants<HeadingBlock>().Select(heading => heading.GetAttributes().Id).OfType<string>();

    private static string Relative(string path) => System.IO.Path.GetRelativePath(BuildFacts.Repository, path).Replace('\\', '/');
}
