using Markdig.Extensions.Tables;
using Markdig.Syntax;
using Markdig.Syntax.Inlines;

namespace Diffusion.EndToEnd.Tests.Documents;

/// <summary>The table of lines of code in docs/coming-from-python.md, compared with the programs that the page shows.</summary>
public sealed class LineCountTests
{
    private static readonly string[] NotCounted = ["#", "//", "using Diffusion", "using static", "import ", "from "];

    [Fact]
    public void Each_number_of_lines_is_that_of_the_program_below()
    {
        MarkdownFile page = MarkdownFile.All.Single(file => file.Name == "docs/coming-from-python.md");
        Dictionary<(string Task, string Library), int> programs = Programs(page.Document);
        string[][] rows = [.. page.Document.Descendants<Table>().Select(Cells).Single(table => table[0][0] == "task")];
        Dictionary<(string Task, string Library), int> stated = rows[1..]
            .SelectMany(row => row.Skip(1).Select((cell, column) => (Task: row[0], Library: rows[0][column + 1], Cell: cell)))
            .Where(place => int.TryParse(place.Cell, out _))
            .ToDictionary(place => (place.Task, place.Library), place => int.Parse(place.Cell, null));

        programs.Add(("resume", "here"), 0); // the same program again
        stated.Should().BeEquivalentTo(programs);
    }

    // A C# block is ours; the first line of any other is a comment that begins with the library.
    private static Dictionary<(string Task, string Library), int> Programs(MarkdownDocument document)
    {
        Dictionary<(string Task, string Library), int> programs = [];
        string task = string.Empty;
        foreach (Block block in document.SkipWhile(block => block is not HeadingBlock heading || Text(heading) != "the programs"))
        {
            if (block is HeadingBlock heading)
            {
                task = Text(heading);
            }
            else if (block is FencedCodeBlock code)
            {
                string[] lines = [.. code.Lines.ToString().Split('\n').Select(line => line.Trim())];
                string library = code.Info == "csharp" ? "here" : lines[0].TrimStart('#', ' ').Split(' ', ',', ':')[0];
                programs.Add((task, library), lines.Count(line => line.Length > 0 && !NotCounted.Any(line.StartsWith)));
            }
        }

        return programs;
    }

    private static string[][] Cells(Table table) => [.. table.Cast<TableRow>().Select(Cells)];

    private static string[] Cells(TableRow row) =>
        [.. row.Cast<TableCell>().Select(cell => Text(cell.Descendants<LeafBlock>().Single()))];

    private static string Text(LeafBlock block)
    {
        string text = string.Concat(block.Inline!.Descendants<LiteralInline>().Select(part => part.Content.ToString()));
        return block is HeadingBlock ? text.ToLowerInvariant() : text;
    }
}
