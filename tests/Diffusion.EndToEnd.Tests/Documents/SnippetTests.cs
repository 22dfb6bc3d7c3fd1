using Diffusion.TestKit;

namespace Diffusion.EndToEnd.Tests.Documents;

public sealed class SnippetTests
{
    [Fact]
    public void Every_CSharp_block_of_every_document_compiles_and_those_that_can_be_run_run()
    {
        List<string> wrong = [];
        Snippet[] snippets = [.. MarkdownFile.All.SelectMany(Snippet.Of)];
        foreach (Snippet snippet in snippets)
        {
            byte[]? program = SnippetCompiler.Compile(snippet, out IReadOnlyList<string> errors);
            wrong.AddRange(errors);
            if (program is not null && snippet.IsRun && Run(snippet, program) is { } error)
            {
                wrong.Add($"{snippet.Place}: {error}");
            }
        }

        wrong.Should().BeEmpty();
        snippets.Select(snippet => snippet.File).Should().Contain(["README.md", "docs/data.md", "docs/diffusers.md", "docs/training.md"]);
    }

    [Fact]
    public void The_page_of_the_training_package_has_the_same_program_as_the_README()
    {
        string[] programs = [.. MarkdownFile.All.Where(file => file.Name is "README.md" or "src/Diffusion.Training/README.md")
            .Select(file => Snippet.Of(file).Single().Code)];

        programs.Should().HaveCount(2);
        programs[1].Should().Be(programs[0]);
    }

    [Theory]
    [InlineData("```csharp\nint x = y;\n```\n", "CS0103")]
    [InlineData("text\n\n<!-- snippet: given Trainer trainer -->\n```csharp\ntrainer.Walk();\n```\n", "page.md(5): CS1061")]
    [InlineData("<!-- snippet: given Trainer trainer; skipped -->\n```csharp\n```\n", "page.md(3): the note")]
    [InlineData("<!-- snippet: program; run -->\n```csharp\n```\n", "page.md(3): the note")]
    [InlineData("```cs\nint x = 1;\n```\n", "page.md(2): the language 'cs'")]
    [InlineData("- a list\n\n  ```csharp\n  Console.WriteLine(y);\n  ```\n", "page.md(4): CS0103")]
    public void An_error_in_a_block_is_reported_with_its_file_and_line(string text, string expected)
    {
        using TemporaryFolder folder = new();
        string path = folder.File("page.md");
        File.WriteAllText(path, text);
        List<string> wrong = [];
        try
        {
            foreach (Snippet snippet in Snippet.Of(new MarkdownFile(path)))
            {
                SnippetCompiler.Compile(snippet, out IReadOnlyList<string> errors);
                wrong.AddRange(errors);
            }
        }
        catch (FormatException error)
        {
            wrong.Add(error.Message);
        }

        wrong.Should().ContainSingle().Which.Should().Contain(expected);
    }

    // Each runs in its own folder, because some write files.
    private static string? Run(Snippet snippet, byte[] program)
    {
        string before = Environment.CurrentDirectory;
        TextWriter output = Console.Out;
        using TemporaryFolder folder = new();
        using SnippetParts parts = new();
        try
        {
            Environment.CurrentDirectory = folder.Path;
            Console.SetOut(TextWriter.Null);
            if (snippet.Given is { } given)
            {
                SnippetCompiler.Run(program, [.. given.Select(input => parts.Of(input.Split(' ')[0]))]);
            }
            else
            {
                SnippetCompiler.RunProgram(program, snippet.Arguments!);
            }

            return null;
        }
#pragma warning disable CA1031 // The test reports every exception of the code.
        catch (Exception error)
#pragma warning restore CA1031
        {
            return $"it threw {error.GetType().Name}: {error.Message}";
        }
        finally
        {
            Console.SetOut(output);
            Environment.CurrentDirectory = before;
        }
    }
}
