using System.Text.RegularExpressions;

namespace Diffusion.EndToEnd.Tests.Documents;

/// <summary>Expressions of translated English, and names that .NET has other words for, do not come back.</summary>
public sealed partial class PlainEnglishTests
{
    [Fact]
    public void Documents_sources_and_samples_use_the_words_of_the_field()
    {
        string[] found = [.. Lines("*.md").Concat(Lines("*.cs")).Where(line => Translated.IsMatch(line.Text)).Select(line => line.Place)];
        found.Should().BeEmpty();
    }

    [Fact]
    public void Identifiers_say_Max_Min_and_Count()
    {
        string[] found = [.. Lines("*.cs").Where(line => NotOfDotNet.IsMatch(line.Text)).Select(line => line.Place)];
        found.Should().BeEmpty();
    }

    [GeneratedRegex(@"\bgoes on\b|\bby heart\b|\bof one's own\b|\bceases?\b|\bmend", RegexOptions.IgnoreCase)]
    private static partial Regex Translated { get; }

    [GeneratedRegex(@"\b(Most|Fewest|Largest|Smallest)[A-Z]\w*|\w*[a-z](?<!At)(Most|Fewest|Largest|Smallest)(?![a-z])\w*")]
    private static partial Regex NotOfDotNet { get; }

    private static IEnumerable<(string Place, string Text)> Lines(string pattern) =>
        from folder in (string[])["docs", "src", "samples"]
        from path in Directory.EnumerateFiles(Path.Combine(BuildFacts.Repository, folder), pattern, SearchOption.AllDirectories)
        let name = Path.GetRelativePath(BuildFacts.Repository, path)
        where !name.Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj")
        from line in File.ReadLines(path).Index()
        select ($"{name}({line.Index + 1}): {line.Item.Trim()}", line.Item);
}
