using System.Text.RegularExpressions;
using Diffusion.Data;
using Markdig.Syntax;

namespace Diffusion.EndToEnd.Tests.Documents;

/// <summary>
/// A C# block of a document. Without a note it is a whole program. A part of a program has a hidden note on the line before it:
/// <c>&lt;!-- snippet: given Trainer trainer, IImageSource images --&gt;</c> or <c>given nothing</c>. If the part is only compiled,
/// the note is <c>&lt;!-- snippet: given nothing; not run, it needs a server --&gt;</c>. A whole program is run if its note has the
/// arguments: <c>&lt;!-- snippet: program; run with 3 --&gt;</c>.
/// </summary>
/// <param name="File">The document.</param>
/// <param name="Line">The line of its first line of code, from 1.</param>
/// <param name="Code">The code.</param>
/// <param name="Given">Its inputs: type and name, separated by a space; null for a whole program.</param>
/// <param name="NotRun">The reason why a part is not run; null if it is run.</param>
/// <param name="Arguments">The arguments with which a whole program is run; null if it is not.</param>
internal sealed partial record Snippet(
    string File, int Line, string Code, IReadOnlyList<string>? Given, string? NotRun, IReadOnlyList<string>? Arguments)
{
    private const string Begin = "<!-- snippet:";
    private const string End = "-->";
    private const string Program = "program; run with ";
    private static readonly string[] OtherLanguages = ["", "bash", "json", "mermaid", "python", "xml", "yaml"];

    public bool IsProgram => Given is null;

    public bool IsRun => IsProgram ? Arguments is not null : NotRun is null;

    public string Place => $"{File}({Line})";

    /// <summary>The C# blocks of a document.</summary>
    /// <exception cref="FormatException">A note or a language is not understood.</exception>
    public static IEnumerable<Snippet> Of(MarkdownFile file)
    {
        foreach (FencedCodeBlock block in file.Document.Descendants<FencedCodeBlock>())
        {
            string language = block.Info ?? string.Empty;
            int line = block.Line + 2;
            if (language == "csharp")
            {
                string? note = NoteBefore(block)?.Trim();
                string[]? arguments = note?.StartsWith(Program, StringComparison.Ordinal) == true
                    ? note[Program.Length..].Split(' ')
                    : null;
                (IReadOnlyList<string>? given, string? notRun) = Read(arguments is null ? note : null, $"{file.Name}({line})");
                yield return new Snippet(file.Name, line, block.Lines.ToString(), given, notRun, arguments);
            }
            else if (!OtherLanguages.Contains(language))
            {
                throw new FormatException(
                    $"{file.Name}({line}): the language '{language}' is not known. Use csharp, "
                        + $"{string.Join(", ", OtherLanguages[1..])} or none.");
            }
        }
    }

    private static string? NoteBefore(FencedCodeBlock block)
    {
        ContainerBlock parent = block.Parent!;
        int place = parent.IndexOf(block);
        string text = place > 0 && parent[place - 1] is HtmlBlock note ? note.Lines.ToString().Trim() : string.Empty;
        return text.StartsWith(Begin, StringComparison.Ordinal) ? text[Begin.Length..^End.Length] : null;
    }

    private static (IReadOnlyList<string>? Given, string? NotRun) Read(string? note, string place)
    {
        if (note is null)
        {
            return (null, null);
        }

        string[] parts = note.Split(';', StringSplitOptions.TrimEntries);
        return parts[0].StartsWith("given ", StringComparison.Ordinal)
            && (parts.Length == 1 || (parts.Length == 2 && parts[1].StartsWith("not run, ", StringComparison.Ordinal)))
            ? (parts[0] == "given nothing"
                ? []
                : [.. BetweenInputs().Split(parts[0]["given ".Length..]).Select(input => input.Trim())], parts.Length == 2
                    ? parts[1]["not run, ".Length..]
                    : null)
            : throw new FormatException(
                $"{place}: the note '{note}' is not understood. Write <!-- snippet: given Trainer trainer -->, <!-- snippet: given "
                    + $"nothing; not run, it needs a server --> or <!-- snippet: program; run with 3 -->.");
    }

    // A comma that separates no type arguments
    [GeneratedRegex(",(?![^<>]*>)")]
    private static partial Regex BetweenInputs();
}
