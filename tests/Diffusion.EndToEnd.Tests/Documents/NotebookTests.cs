using System.Text.Json;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Diffusion.EndToEnd.Tests.Documents;

/// <summary>The cells of the notebook, compiled one after another as its kernel does.</summary>
public sealed class NotebookTests
{
    // What .NET Interactive adds to the language.
    private const string Kernel = """
        using System; using System.Collections.Generic; using System.Linq; using System.Threading.Tasks;
        object HTML(string content) => content;
        void display(object value) { }
        """;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void The_cells_of_the_notebook_compile()
    {
        string[] cells = Cells(Path.Combine(BuildFacts.Repository, "samples", "FileApps", "Notebook.ipynb"));

        cells.Should().HaveCountGreaterThan(3);
        cells[0].Split('\n').Should().OnlyContain(line => line.StartsWith("#r \"nuget: ", StringComparison.Ordinal));
        MetadataReference[] references =
        [
            .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
                .Where(File.Exists).Select(path => MetadataReference.CreateFromFile(path)),
        ];
        CSharpCompilation? before = null;
        foreach (string cell in (string[])[Kernel, .. cells[1..]])
        {
            SyntaxTree tree = CSharpSyntaxTree.ParseText(
                cell, new CSharpParseOptions(LanguageVersion.Latest, kind: SourceCodeKind.Script), cancellationToken: Token);
            before = CSharpCompilation.CreateScriptCompilation("Notebook", tree, references, previousScriptCompilation: before);
            before.GetDiagnostics(Token).Where(found => found.Severity == DiagnosticSeverity.Error)
                .Should().BeEmpty();
        }
    }

    private static string[] Cells(string path)
    {
        using JsonDocument notebook = JsonDocument.Parse(File.ReadAllText(path));
        return [.. notebook.RootElement.GetProperty("cells").EnumerateArray()
            .Where(cell => cell.GetProperty("cell_type").GetString() == "code")
            .Select(cell => string.Concat(cell.GetProperty("source").EnumerateArray().Select(line => line.GetString())))];
    }
}
