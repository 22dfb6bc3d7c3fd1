using System.Xml.Linq;
using Markdig.Extensions.Tables;
using Markdig.Syntax;

namespace Diffusion.EndToEnd.Tests.Documents;

public sealed class PackageTableTests
{
    [Fact]
    public void The_README_names_every_package_and_its_dependencies()
    {
        MarkdownFile readme = new(Path.Combine(BuildFacts.Repository, "README.md"));
        Table table = readme.Document.Descendants<Table>().Single(table => Cells((TableRow)table[0])[^1] == "depends on");
        Dictionary<string, string> documented =
            table.Skip(1).Cast<TableRow>().Select(Cells).ToDictionary(cells => cells[0], cells => cells[^1]);

        Dictionary<string, string> actual = Directory.GetDirectories(Path.Combine(BuildFacts.Repository, "src"))
            .SelectMany(folder => Directory.GetFiles(folder, "*.csproj"))
            .ToDictionary(project => Path.GetFileNameWithoutExtension(project), Dependencies);
        documented.Should().BeEquivalentTo(actual);

        string[] Cells(TableRow row) => [.. row.Cast<TableCell>().Select(cell => Text(readme, cell))];
    }

    private static string Text(MarkdownFile file, Block cell) =>
        File.ReadAllText(file.Path).Substring(cell.Span.Start, cell.Span.Length).Replace("`", string.Empty, StringComparison.Ordinal)
            .Trim('|', ' ');

    private static string Dependencies(string project)
    {
        XElement[] elements = [.. XDocument.Load(project).Descendants()];
        return string.Join(", ", elements.Where(element => element.Name.LocalName == "ProjectReference")
            .Select(element => Path.GetFileNameWithoutExtension(element.Attribute("Include")!.Value))
            .Concat(elements.Where(element => element.Name.LocalName == "PackageReference")
                .Select(element => element.Attribute("Include")!.Value).Order(StringComparer.Ordinal)));
    }
}
