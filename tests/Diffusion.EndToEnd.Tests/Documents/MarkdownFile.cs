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

    /// <summary>All of them: what a clone has, without what builds leave.</summary>
    public static IEnumerable<MarkdownFile> All =>
        Directory.EnumerateFiles(BuildFacts.Repository, "*.md", new EnumerationOptions { RecurseSubdirectories = true })
            .Where(path => !Relative(path).Split('/').Any(part => part is "bin" or "obj" or "artifacts" or "runs" || part.StartsWith('.')))
            .Order(StringComparer.Ordinal)
            .Select(path => new MarkdownFile(path));

    public string Path { get; }

    /// <summary>The path as readers know it: from the repository's root, with slashes.</summary>
    public string Name => Relative(Path);

    public MarkdownDocument Document { get; }

    /// <summary>Where each link and picture leads, with its line.</summary>
    public IEnumerable<(string Target, int Line)> Links =>
        Document.Descendants<LinkInline>().Where(link => link.Url is not null).Select(link => (link.Url!, link.Line + 1));

    /// <summary>Every piece of raw HTML, with its line.</summary>
    public IEnumerable<(string Text, int Line)> Html =>
        Document.Descendants<HtmlBlock>().Select(block => (block.Lines.ToString(), block.Line + 1))
            .Concat(Document.Descendants<HtmlInline>().Select(inline => (inline.Tag, inline.Line + 1)));

    /// <summary>What can follow a # in a link to this file.</summary>
    public IEnumerable<string> Anchors =>
        Document.Descendants<HeadingBlock>().Select(heading => heading.GetAttributes().Id).OfType<string>();

    private static string Relative(string path) => System.IO.Path.GetRelativePath(BuildFacts.Repository, path).Replace('\\', '/');
}
