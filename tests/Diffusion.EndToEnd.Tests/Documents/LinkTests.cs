namespace Diffusion.EndToEnd.Tests.Documents;

public sealed class LinkTests
{
    [Fact]
    public void Every_link_between_documents_points_to_an_existing_file_and_heading()
    {
        List<string> broken = [];
        foreach (MarkdownFile file in MarkdownFile.All)
        {
            foreach ((string target, int line) in file.Links.Where(link => !IsAbsolute(link.Target)))
            {
                string[] parts = Uri.UnescapeDataString(target).Split('#');
                string path = parts[0].Length == 0 ? file.Path : Path.Combine(Path.GetDirectoryName(file.Path)!, parts[0]);
                bool leadsThere = parts.Length == 1
                    ? Path.Exists(path)
                    : File.Exists(path) && new MarkdownFile(path).Anchors.Contains(parts[1], StringComparer.Ordinal);
                if (!leadsThere)
                {
                    broken.Add($"{file.Name}({line}): {target}");
                }
            }
        }

        broken.Should().BeEmpty();
    }

    [Theory]
    [InlineData("src/Diffusion.Core")]
    [InlineData("src/Diffusion.Data")]
    [InlineData("src/Diffusion.Data.Parquet")]
    [InlineData("src/Diffusion.Hosting")]
    [InlineData("src/Diffusion.Reporting")]
    [InlineData("src/Diffusion.Sampling")]
    [InlineData("src/Diffusion.Tool")]
    [InlineData("src/Diffusion.Training")]
    [InlineData("templates")]
    public void The_page_of_a_package_has_no_relative_links_no_images_of_the_repository_and_no_HTML(string folder)
    {
        MarkdownFile page = new(Path.Combine(BuildFacts.Repository, folder, "README.md"));

        page.Links.Where(link => !IsAbsolute(link.Target)).Should()
            .BeEmpty("the page of a package is shown without the files of the repository");
        page.Html.Should().BeEmpty("nuget.org does not show HTML");
    }

    private static bool IsAbsolute(string target) =>
        target.StartsWith("https://", StringComparison.Ordinal) || target.StartsWith("http://", StringComparison.Ordinal);
}
